//! One instant, one number, one truth in all their spellings.

use super::*;

#[tokio::test]
async fn instants_in_twenty_nine_spellings() {
    let cells = [
        ("2026-03-04 05:06:07", Ok("2026-03-04T05:06:07Z")),
        ("2026-03-04T05:06:07", Ok("2026-03-04T05:06:07Z")),
        ("2026-03-04T05:06:07Z", Ok("2026-03-04T05:06:07Z")),
        ("2026-03-04T05:06:07.125Z", Ok("2026-03-04T05:06:07.125Z")),
        ("2026-03-04T05:06:07.125250Z", Err("is finer than a millisecond")),
        ("2026-03-04 05:06:07.125", Ok("2026-03-04T05:06:07.125Z")),
        ("2026-03-04 05:06:07.125000", Ok("2026-03-04T05:06:07.125Z")),
        ("2026-03-04 05:06:07+00", Ok("2026-03-04T05:06:07Z")),
        ("2026-03-04 05:06:07.125+00", Ok("2026-03-04T05:06:07.125Z")),
        ("2026-03-04 05:06:07+00:00", Ok("2026-03-04T05:06:07Z")),
        ("2026-03-04T05:06:07+0000", Ok("2026-03-04T05:06:07Z")),
        ("2026-03-04T05:06:07-03:00", Ok("2026-03-04T08:06:07Z")),
        ("2026-03-04 05:06", Ok("2026-03-04T05:06:00Z")),
        ("2026-03-04", Err("is a date without a time of the day")),
        ("3/4/2026 5:06", Err("is not a date and time (YYYY-MM-DD HH:MM:SS)")),
        ("3/4/2026 5:06:07 PM", Err("is not a date and time")),
        ("2026-03-04 05:06:07 UTC", Ok("2026-03-04T05:06:07Z")),
        ("2026-03-04 05:06:07 -0500", Ok("2026-03-04T10:06:07Z")),
        ("20260304T050607Z", Ok("2026-03-04T05:06:07Z")),
        ("1772600767", Err("is not a date and time")),
        ("1772600767000", Err("is not a date and time")),
        ("2026-03-04 24:00:00", Err("is not a date and time")),
        ("2026-03-04 23:59:60", Err("is not a date and time")),
        ("9999-12-31 00:00:00", Ok("9999-12-31T00:00:00Z")),
        ("infinity", Err("is not a date and time")),
        ("2026-03-04 00:00:00-05:00", Ok("2026-03-04T05:00:00Z")),
        ("Wed, 04 Mar 2026 05:06:07 GMT", Err("is not a date and time")),
        ("2026-02-30 05:06:07", Err("is not a date and time")),
        ("46085.2125810185", Err("is not a date and time")),
    ];
    check(&contract("timestamp", "{property: timezone, value: UTC}", ""), &cells).await;
    let no_zone = Err("names no zone, and the contract gives no `timezone`");
    check(
        &contract("timestamp", "", ""),
        &[("2026-03-04 05:06:07", no_zone), ("2026-03-04 05:06:07Z", cells[0].1)],
    )
    .await;
    for (format, text, expected) in [
        ("%m/%d/%Y %H:%M", "3/4/2026 5:06", Ok("2026-03-04T08:06:00Z")),
        ("%d/%m/%Y %H:%M", "3/4/2026 5:06", Ok("2026-04-03T08:06:00Z")),
        ("%m/%d/%Y %I:%M:%S %p", "3/4/2026 5:06:07 PM", Ok("2026-03-04T20:06:07Z")),
        ("%m/%d/%Y, %I:%M:%S %p", "3/4/2026, 12:06:07\u{202f}am", Ok("2026-03-04T03:06:07Z")),
        ("%a, %d %b %Y %T %Z", "Wed, 04 Mar 2026 05:06:07 GMT", Ok("2026-03-04T05:06:07Z")),
        ("%a %b %d %Y %T GMT%z", "Wed Mar 04 2026 05:06:07 GMT-0300", Ok("2026-03-04T08:06:07Z")),
        ("%a, %d %b %Y %T %Z", "Thu, 04 Mar 2026 05:06:07 GMT", Err("is not a date and time in the form")),
        ("%Y-%m-%d", "2026-03-04", Ok("2026-03-04T03:00:00Z")),
        ("excel", "46085.2125810185", Ok("2026-03-04T08:06:07Z")),
        ("excel-1904", "44623", Ok("2026-03-04T03:00:00Z")),
        ("excel", "60", Err("is not a date and time in the form excel")),
        ("%Y-%m-%d %H:%M:%S.%f", "2026-03-04 05:06:07.25", Ok("2026-03-04T08:06:07.250Z")),
        ("%d.%m.%y %H:%M", "04.03.26 05:06", Ok("2026-03-04T08:06:00Z")),
        ("%d.%m.%y %H:%M", "04.03.2026 05:06", Err("is not a date and time in the form %d.%m.%y %H:%M")),
        (
            "%d/%m/%Y %H:%M:%S",
            "04/11/2018 00:30:00",
            Err("does not exist in America/Sao_Paulo: clocks were put forward"),
        ),
        ("%d/%m/%Y %H:%M:%S", "04/03/2026 23:59:60", Err("is not a date and time in the form")),
        ("iso", "2026-03-04T05:06:07", Ok("2026-03-04T08:06:07Z")),
    ] {
        let column = format!(
            "{{property: timezone, value: America/Sao_Paulo}}, {{property: timestampFormat, value: \"{format}\"}}"
        );
        check(&contract("timestamp", &column, ""), &[(text, expected)]).await;
    }
}

#[tokio::test]
async fn numbers_in_thirty_spellings() {
    let no = Err("is not a number");
    let plain = contract("decimal(18,4)", "", "");
    let mut cells = vec![
        ("2.5", Ok("2.5000")),
        (".25", no),
        ("7.", no),
        ("+7", no),
        ("-.25", no),
        ("2e3", Ok("2000.0000")),
        ("2.5E+02", Ok("250.0000")),
        ("6,543.21", no),
        ("(7.00)", no),
        ("7-", no),
        ("$7.00", no),
        ("7.00 USD", no),
        ("15%", no),
        ("6 543.2", no),
        ("6'543.2", no),
        (" 7.5 ", Ok("7.5000")),
        ("\u{664}", no),
        ("NaN", no),
        ("inf", no),
        ("NULL", no),
        ("N/A", no),
        ("-", no),
        ("None", no),
        ("\\N", no),
        ("null", no),
        ("#N/A", no),
        ("2_000", no),
        ("0x1F", no),
        ("009", Ok("9.0000")),
        ("2.34567", Err("has more decimal places than the column holds (decimal(18,4))")),
    ];
    check(&plain, &cells).await;
    let everything = "{property: numberFormat, value: {group: \",\", allow: [plus, parentheses, trailingMinus, barePoint, exponent], \
        currency: [$, USD], percent: hundredth, multipliers: {K: 1000, M: 1000000, B: 1000000000}}}, \
        {property: nullTexts, value: ['NULL', N/A, \"-\", None, '\\N', \"null\", \"#N/A\"]}";
    for (text, value) in [
        (".25", "0.2500"),
        ("7.", "7.0000"),
        ("+7", "7.0000"),
        ("-.25", "-0.2500"),
        ("6,543.21", "6543.2100"),
        ("(7.00)", "-7.0000"),
        ("7-", "-7.0000"),
        ("$7.00", "7.0000"),
        ("7.00 USD", "7.0000"),
        ("15%", "0.1500"),
        ("NULL", "missing"),
        ("N/A", "missing"),
        ("-", "missing"),
        ("None", "missing"),
        ("\\N", "missing"),
        ("null", "missing"),
        ("#N/A", "missing"),
    ] {
        cells.iter_mut().find(|cell| cell.0 == text).unwrap().1 = Ok(value);
    }
    cells.extend([
        ("1.5M", Ok("1500000.0000")),
        ("3.4B", Ok("3400000000.0000")),
        ("-$2.5K", Ok("-2500.0000")),
    ]);
    check(&contract("decimal(18,4)", everything, ""), &cells).await;
    check(
        &contract("bigint", everything, ""),
        &[("1.2345M", Ok("1234500")), ("1.5", Err("has more decimal places"))],
    )
    .await;
    // A dataset says it once, a column says otherwise.
    let both = contract(
        "decimal(18,4)",
        "{property: numberFormat, value: de-CH}",
        "{property: numberFormat, value: pt-BR}",
    );
    check(&both, &[("6'543.2", Ok("6543.2000")), ("6543,2", Err("is not a number in the form 1'234.56"))])
        .await;
}

#[tokio::test]
async fn booleans_in_twelve_spellings() {
    let no = Err("is neither true nor false");
    let mut cells = [
        ("true", Ok("true")),
        ("false", Ok("false")),
        ("True", Ok("true")),
        ("FALSE", Ok("false")),
        ("t", no),
        ("f", no),
        ("1", no),
        ("0", no),
        ("yes", no),
        ("N", no),
        ("", Ok("missing")),
        (" true ", Ok("true")),
    ];
    check(&contract("boolean", "", ""), &cells).await;
    for (cell, value) in cells[4..10].iter_mut().zip(["true", "false"].into_iter().cycle()) {
        cell.1 = Ok(value);
    }
    let all = "{property: booleans, value: [true/false, t/f, yes/no, y/n, 1/0]}";
    check(&contract("boolean", "", all), &cells).await;
}
