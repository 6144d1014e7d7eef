//! The functions, one by one.

use regex::Regex;

use super::{Function, Make, Patterned, Rows, dates, numbers, texts};
use crate::ast::Operator;
use crate::date_pattern::DatePattern;
use crate::number::Number;
use crate::sql::cast::Target;
use crate::sql::value::Literal;
use crate::sql::{Expression, TextFunction, patterns};

/// Any number of arguments.
const MANY: usize = usize::MAX;

const fn rows(
    names: &'static [&'static str],
    form: &'static str,
    about: &'static str,
    takes: (usize, usize),
    function: Rows,
) -> Function {
    Function { names, form, about, takes, make: Make::Rows(function) }
}

const fn built(
    names: &'static [&'static str],
    form: &'static str,
    about: &'static str,
    takes: (usize, usize),
    build: fn(Vec<Expression>) -> Result<Expression, String>,
) -> Function {
    Function { names, form, about, takes, make: Make::Built(build) }
}

/// All functions, by what they are about.
pub(in crate::sql) const FUNCTIONS: &[(&str, &[Function])] = &[
    (
        "NULL and choice",
        &[
            built(&["coalesce"], "a, b, ...", "the first that is not NULL", (1, MANY), |a| {
                Ok(Expression::Coalesce(a))
            }),
            built(&["nvl", "ifnull"], "a, b", "`a`, or `b` where that is NULL", (2, 2), |a| {
                Ok(Expression::Coalesce(a))
            }),
            built(&["nvl2"], "a, b, c", "`b` where `a` is not NULL, else `c`", (3, 3), |a| {
                let [a, b, c] = exactly(a)?;
                Ok(either(Expression::IsNull(Box::new(a)), c, b))
            }),
            built(&["nullif"], "a, b", "NULL where both are equal, else `a`", (2, 2), |a| {
                let [a, b] = exactly(a)?;
                let same = Expression::Compare(Operator::Equal, Box::new(a.clone()), Box::new(b));
                Ok(either(same, Expression::Literal(Literal::Null), a))
            }),
            built(
                &["if", "iff"],
                "condition, a, b",
                "`a` where the condition is TRUE, else `b`",
                (3, 3),
                |a| {
                    let [condition, a, b] = exactly(a)?;
                    Ok(either(condition, a, b))
                },
            ),
            built(&["isnull"], "a", "whether it is NULL", (1, 1), |a| {
                let [a] = exactly(a)?;
                Ok(Expression::IsNull(Box::new(a)))
            }),
            built(&["isnotnull"], "a", "whether it is not NULL", (1, 1), |a| {
                let [a] = exactly(a)?;
                Ok(Expression::Not(Box::new(Expression::IsNull(Box::new(a)))))
            }),
            rows(&["greatest"], "a, b, ...", "the largest that is not NULL", (2, MANY), numbers::greatest),
            rows(&["least"], "a, b, ...", "the smallest that is not NULL", (2, MANY), numbers::least),
        ],
    ),
    (
        "Numbers",
        &[
            built(&["abs"], "x", "without its sign", (1, 1), |a| {
                let [a] = exactly(a)?;
                Ok(Expression::Abs(Box::new(a)))
            }),
            rows(
                &["round"],
                "x, places",
                "rounded half away from zero, to whole numbers without `places`; a float by its shortest digits",
                (1, 2),
                numbers::round,
            ),
            rows(&["bround"], "x, places", "rounded half to even", (1, 2), numbers::round_half_even),
            rows(&["floor"], "x, places", "the next below", (1, 2), numbers::floor),
            rows(&["ceil", "ceiling"], "x, places", "the next above", (1, 2), numbers::ceil),
            rows(&["sign", "signum"], "x", "-1, 0 or 1", (1, 1), numbers::sign),
            rows(&["mod"], "x, y", "`x % y`", (2, 2), numbers::remainder),
            rows(
                &["pmod"],
                "x, y",
                "the remainder, moved above zero where it is below",
                (2, 2),
                numbers::positive_remainder,
            ),
            rows(&["power", "pow"], "x, y", "floating point", (2, 2), numbers::power),
            rows(&["sqrt"], "x", "floating point; NULL below zero", (1, 1), numbers::sqrt),
            rows(&["exp"], "x", "floating point", (1, 1), numbers::exp),
            rows(
                &["ln"],
                "x",
                "floating point; NULL where `x` is not above zero, as the next two",
                (1, 1),
                numbers::ln,
            ),
            rows(&["log10"], "x", "", (1, 1), numbers::log10),
            rows(&["log2"], "x", "", (1, 1), numbers::log2),
        ],
    ),
    (
        "Texts",
        &[
            built(&["length", "len", "char_length", "character_length"], "s", "characters", (1, 1), |a| {
                let [a] = exactly(a)?;
                Ok(Expression::Length(Box::new(a)))
            }),
            built(&["upper", "ucase"], "s", "", (1, 1), |a| mapped(TextFunction::Upper, a)),
            built(&["lower", "lcase"], "s", "", (1, 1), |a| mapped(TextFunction::Lower, a)),
            rows(&["initcap"], "s", "each word with a capital letter", (1, 1), texts::initcap),
            rows(
                &["trim", "btrim"],
                "s, characters",
                "without blanks, or those characters, at both ends; also `trim(both 'x' from s)`, `leading`, `trailing`",
                (1, 2),
                texts::trim,
            ),
            rows(&["ltrim"], "s", "without blanks at its start", (1, 1), texts::trim_start),
            rows(&["rtrim"], "s", "without blanks at its end", (1, 1), texts::trim_end),
            rows(
                &["concat"],
                "a, b, ...",
                "one after the other, as `a || b`; NULL where one is",
                (1, MANY),
                texts::concat,
            ),
            rows(
                &["concat_ws"],
                "separator, a, b, ...",
                "with a separator between them; those that are NULL are left out",
                (1, MANY),
                texts::concat_with,
            ),
            rows(
                &["substring", "substr"],
                "s, from, length",
                "from a place on, counted from 1, or from the end where it is negative; also `substring(s from 2 for 3)`",
                (2, 3),
                texts::substring,
            ),
            rows(&["left"], "s, length", "the first characters", (2, 2), texts::left),
            rows(&["right"], "s, length", "the last characters", (2, 2), texts::right),
            rows(
                &["instr"],
                "s, inner",
                "the place of `inner`, counted from 1; 0 where it is not",
                (2, 2),
                texts::place_in,
            ),
            rows(
                &["locate", "position", "charindex"],
                "inner, s, from",
                "the same from a place on; also `position('x' in s)`",
                (2, 3),
                texts::locate,
            ),
            rows(&["replace"], "s, old, new", "every `old` by `new`, or by nothing", (2, 3), texts::replace),
            rows(&["translate"], "s, from, to", "characters by characters", (3, 3), texts::translate),
            rows(
                &["lpad"],
                "s, length, filler",
                "filled, or cut, to a length; blanks without `filler`",
                (2, 3),
                texts::pad_left,
            ),
            rows(&["rpad"], "s, length, filler", "the same at its end", (2, 3), texts::pad_right),
            rows(&["repeat"], "s, times", "", (2, 2), texts::repeat),
            rows(&["reverse"], "s", "", (1, 1), texts::reverse),
            rows(&["startswith"], "s, inner", "whether it begins so", (2, 2), texts::starts_with),
            rows(&["endswith"], "s, inner", "whether it ends so", (2, 2), texts::ends_with),
            rows(&["contains"], "s, inner", "whether it has it", (2, 2), texts::contains),
            built(&["regexp_like", "regexp", "rlike"], "s, 'pattern'", "`s rlike 'pattern'`", (2, 2), |a| {
                let [a, pattern] = exactly(a)?;
                Ok(Expression::Matches(Box::new(a), regex(&pattern)?))
            }),
            built(
                &["regexp_replace"],
                "s, 'pattern', 'new'",
                "every match by `new`, in which `$1` is a group",
                (3, 3),
                |a| {
                    let [a, pattern, new] = exactly(a)?;
                    let function =
                        Patterned::Replaced(regex(&pattern)?, patterns::replacement(constant(&new)?)?);
                    Ok(Expression::Patterned(Box::new(function), Box::new(a)))
                },
            ),
            built(
                &["regexp_extract"],
                "s, 'pattern', group",
                "a group of the first match, the first without `group`, the whole by 0; an empty text where nothing matches",
                (2, 3),
                |mut a| {
                    let group = if a.len() == 3 { whole_constant(&a.remove(2))? } else { 1 };
                    let [a, pattern] = exactly(a)?;
                    let pattern = regex(&pattern)?;
                    if group >= pattern.captures_len() {
                        return Err(format!("the pattern has no group {group}"));
                    }
                    Ok(Expression::Patterned(Box::new(Patterned::Extracted(pattern, group)), Box::new(a)))
                },
            ),
        ],
    ),
    (
        "Dates and timestamps",
        &[
            built(
                &["to_date", "date"],
                "x, 'pattern'",
                "the date of a text, by a pattern of Java where there is one; NULL where it is none",
                (1, 2),
                |a| parsed(a, true),
            ),
            built(
                &["to_timestamp", "timestamp"],
                "x, 'pattern'",
                "the same with the time of day",
                (1, 2),
                |a| parsed(a, false),
            ),
            built(
                &["date_format"],
                "x, 'pattern'",
                "a text of the pattern: `yyyy yy M MM MMM MMMM d dd D E EEEE Q H HH h hh m mm s ss S a`",
                (2, 2),
                |a| {
                    let [a, pattern] = exactly(a)?;
                    let pattern = DatePattern::for_writing(constant(&pattern)?)?;
                    Ok(Expression::Patterned(Box::new(Patterned::Formatted(pattern)), Box::new(a)))
                },
            ),
            rows(
                &["datediff", "date_diff"],
                "end, start",
                "days from `start` to `end`",
                (2, 2),
                dates::difference,
            ),
            rows(
                &["date_add", "dateadd"],
                "d, days",
                "later; also `d + 1`, `x + interval 1 month`",
                (2, 2),
                dates::add_days,
            ),
            rows(
                &["date_sub"],
                "d, days",
                "earlier; also `d - 1`, `x - interval 1 day`",
                (2, 2),
                dates::subtract_days,
            ),
            rows(
                &["add_months"],
                "d, months",
                "the same day of another month, or its last",
                (2, 2),
                dates::add_months,
            ),
            rows(
                &["months_between"],
                "end, start",
                "whole for the same day of a month or two last days, else by months of 31 days",
                (2, 2),
                dates::months_between,
            ),
            rows(&["last_day"], "d", "of its month", (1, 1), dates::last_day),
            rows(&["make_date"], "year, month, day", "NULL where there is none", (3, 3), dates::make_date),
            built(
                &["trunc"],
                "d, 'unit'",
                "the first day of its `year`, `quarter`, `month` or `week`",
                (2, 2),
                |a| {
                    let [a, unit] = exactly(a)?;
                    let function = Patterned::Truncated { unit: constant(&unit)?.to_owned(), to_date: true };
                    Ok(Expression::Patterned(Box::new(function), Box::new(a)))
                },
            ),
            built(
                &["date_trunc"],
                "'unit', x",
                "the start of its unit, also `day`, `hour`, `minute`, `second`",
                (2, 2),
                |a| {
                    let [unit, a] = exactly(a)?;
                    let function = Patterned::Truncated { unit: constant(&unit)?.to_owned(), to_date: false };
                    Ok(Expression::Patterned(Box::new(function), Box::new(a)))
                },
            ),
            rows(&["year"], "x", "also `extract(year from x)`, as the next ones", (1, 1), dates::year),
            rows(&["quarter"], "x", "", (1, 1), dates::quarter),
            rows(&["month"], "x", "", (1, 1), dates::month),
            rows(&["weekofyear", "week"], "x", "the ISO week", (1, 1), dates::week),
            rows(&["day", "dayofmonth"], "x", "", (1, 1), dates::day),
            rows(&["dayofweek"], "x", "1 is Sunday", (1, 1), dates::day_of_week),
            rows(&["weekday"], "x", "0 is Monday", (1, 1), dates::weekday),
            rows(&["dayofyear"], "x", "", (1, 1), dates::day_of_year),
            rows(&["hour"], "x", "", (1, 1), dates::hour),
            rows(&["minute"], "x", "", (1, 1), dates::minute),
            rows(&["second"], "x", "", (1, 1), dates::second),
            rows(&["unix_timestamp"], "x", "seconds since 1970-01-01", (1, 1), dates::unix_timestamp),
        ],
    ),
    (
        "Types",
        &[
            built(&["string"], "x", "`cast(x as string)`", (1, 1), |a| cast(a, Target::Text)),
            built(&["bigint"], "x", "`cast(x as bigint)`", (1, 1), |a| cast(a, Target::Whole { bits: 64 })),
            built(&["int"], "x", "`cast(x as int)`", (1, 1), |a| cast(a, Target::Whole { bits: 32 })),
            built(&["smallint"], "x", "`cast(x as smallint)`", (1, 1), |a| {
                cast(a, Target::Whole { bits: 16 })
            }),
            built(&["tinyint"], "x", "`cast(x as tinyint)`", (1, 1), |a| cast(a, Target::Whole { bits: 8 })),
            built(&["double", "float"], "x", "`cast(x as double)`", (1, 1), |a| cast(a, Target::Float)),
            built(&["decimal"], "x", "`cast(x as decimal(10, 0))`", (1, 1), |a| {
                cast(a, Target::Decimal { precision: 10, scale: 0 })
            }),
            built(&["boolean"], "x", "`cast(x as boolean)`", (1, 1), |a| cast(a, Target::Boolean)),
        ],
    ),
];

fn exactly<const N: usize>(arguments: Vec<Expression>) -> Result<[Expression; N], String> {
    arguments.try_into().map_err(|_| "an argument is missing".to_owned())
}

fn either(condition: Expression, yes: Expression, no: Expression) -> Expression {
    Expression::Case { branches: vec![(condition, yes)], otherwise: Box::new(no) }
}

fn mapped(function: TextFunction, arguments: Vec<Expression>) -> Result<Expression, String> {
    let [argument] = exactly(arguments)?;
    Ok(Expression::MapText(function, Box::new(argument)))
}

fn cast(arguments: Vec<Expression>, target: Target) -> Result<Expression, String> {
    let [argument] = exactly(arguments)?;
    Ok(Expression::Cast(Box::new(argument), target))
}

fn parsed(mut arguments: Vec<Expression>, to_date: bool) -> Result<Expression, String> {
    if arguments.len() == 1 {
        return cast(arguments, if to_date { Target::Date } else { Target::Timestamp });
    }
    let pattern = DatePattern::parse(constant(&arguments.remove(1))?)?;
    let [argument] = exactly(arguments)?;
    Ok(Expression::Patterned(Box::new(Patterned::Parsed { pattern, to_date }), Box::new(argument)))
}

fn constant(expression: &Expression) -> Result<&str, String> {
    match expression {
        Expression::Literal(Literal::Text(text)) => Ok(text),
        _ => Err("a pattern or unit is a text in quotes, no column".to_owned()),
    }
}

fn whole_constant(expression: &Expression) -> Result<usize, String> {
    match expression {
        Expression::Literal(Literal::Number(Number::Exact { mantissa, scale: 0 })) => {
            usize::try_from(*mantissa).map_err(|_| "a group is a whole number".to_owned())
        }
        _ => Err("a group is a whole number, no column".to_owned()),
    }
}

fn regex(pattern: &Expression) -> Result<Regex, String> {
    patterns::find(constant(pattern)?)
}
