//! What every adapter of `Catalog` has to do, as one test: visibility, order, conflicts of location, concurrent calls, more
//! partitions than a service takes at once.

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

    catalog.ensure_partitions(&[]).await.expect("nothing to do");
    catalog.ensure_partitions(&[partition(table, "2013-03")]).await.unwrap();
    catalog.ensure_partitions(&["2012-12", "2013-01"].map(|month| partition(table, month))).await.unwrap();
    let expected: Vec<Partition> =
        ["2012-12", "2013-01", "2013-03"].map(|month| partition(table, month)).into();
    assert_eq!(catalog.partitions(table).await.unwrap(), expected, "in order of their values");
    catalog.ensure_partitions(&expected).await.expect("they are visible already");
    assert_eq!(catalog.partitions(table).await.unwrap(), expected, "and stay once");

    let elsewhere = Partition { location: "elsewhere/".into(), ..partition(table, "2013-01") };
    assert_eq!(
        catalog.ensure_partitions(&[elsewhere]).await.unwrap_err().kind(),
        ErrorKind::Conflict,
        "another location"
    );
    assert_eq!(catalog.partitions(table).await.unwrap(), expected, "a conflict changes nothing");

    let elsewhere = Partition { location: "elsewhere/".into(), ..partition(table, "2013-01") };
    catalog.forget_partitions(&[]).await.expect("nothing to do");
    catalog
        .forget_partitions(&[elsewhere.clone(), partition(table, "1999-01")])
        .await
        .expect("neither is there");
    catalog.forget_partitions(&[partition("suite_unknown", "2013-01")]).await.expect("nor is the table");
    assert_eq!(catalog.partitions(table).await.unwrap(), expected, "one at another location stays");
    catalog.forget_partitions(&[partition(table, "2013-01")]).await.unwrap();
    catalog.ensure_partitions(std::slice::from_ref(&elsewhere)).await.expect("its place is free");
    assert_eq!(catalog.partitions(table).await.unwrap()[1], elsewhere);
    catalog.forget_partitions(&[elsewhere]).await.unwrap();
    catalog.ensure_partitions(&expected).await.unwrap();
    assert_eq!(catalog.partitions(table).await.unwrap(), expected, "and back");
    assert!(catalog.partitions("suite_race").await.unwrap().is_empty(), "tables do not see each other's");

    let ensures = (0..16).map(|number| {
        let catalog = Arc::clone(&catalog);
        let months = [1 + number / 2, 1 + (number / 2 + 1) % 8];
        let partitions = months.map(|month| partition("suite_race", &format!("2013-{month:02}")));
        tokio::spawn(async move { catalog.ensure_partitions(&partitions).await })
    });
    for ensured in join_all(ensures).await {
        ensured.unwrap().expect("the same partitions twice at once, and others beside them");
    }
    assert_eq!(catalog.partitions("suite_race").await.unwrap().len(), 8, "none is lost");

    // More than any catalog takes at once, some of them visible already.
    let many: Vec<Partition> = (0..230)
        .map(|month| partition("suite_race", &format!("{}-{:02}", 2013 + month / 12, 1 + month % 12)))
        .collect();
    catalog.ensure_partitions(&many).await.unwrap();
    assert_eq!(catalog.partitions("suite_race").await.unwrap(), many);
    catalog.forget_partitions(&many[..60]).await.unwrap();
    assert_eq!(catalog.partitions("suite_race").await.unwrap(), many[60..]);
}
