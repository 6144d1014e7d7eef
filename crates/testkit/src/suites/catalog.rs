use std::sync::Arc;

use futures::future::join_all;
use quotelake_core::ErrorKind;
use quotelake_core::ports::{Catalog, Partition};

use crate::build::partition;

/// The contract of a [`Catalog`]. The tables `suite_bars` and `suite_race` exist where tables have to, without partitions.
pub async fn catalog_suite(catalog: Arc<dyn Catalog>) {
    let table = "suite_bars";
    assert!(catalog.partitions(table).await.unwrap().is_empty());
    assert!(catalog.partitions("suite_unknown").await.unwrap().is_empty(), "an unknown table has none");

    for month in ["2013-03", "2012-12", "2013-01"] {
        catalog.ensure_partition(&partition(table, month)).await.unwrap();
    }
    let expected: Vec<Partition> =
        ["2012-12", "2013-01", "2013-03"].map(|month| partition(table, month)).into();
    assert_eq!(catalog.partitions(table).await.unwrap(), expected, "in order of their values");
    catalog.ensure_partition(&partition(table, "2013-01")).await.expect("it is visible already");
    assert_eq!(catalog.partitions(table).await.unwrap(), expected, "and stays once");

    let elsewhere = Partition { location: "bronze/elsewhere/".into(), ..partition(table, "2013-01") };
    assert_eq!(
        catalog.ensure_partition(&elsewhere).await.unwrap_err().kind(),
        ErrorKind::Conflict,
        "another location"
    );
    assert_eq!(catalog.partitions(table).await.unwrap(), expected, "a conflict changes nothing");
    assert!(catalog.partitions("suite_race").await.unwrap().is_empty(), "tables do not see each other's");

    let ensures = (0..16).map(|number| {
        let catalog = Arc::clone(&catalog);
        let month = format!("2013-{:02}", 1 + number / 2);
        tokio::spawn(async move { catalog.ensure_partition(&partition("suite_race", &month)).await })
    });
    for ensured in join_all(ensures).await {
        ensured.unwrap().expect("the same partition twice at once, and others beside it");
    }
    assert_eq!(catalog.partitions("suite_race").await.unwrap().len(), 8, "none is lost");
}
