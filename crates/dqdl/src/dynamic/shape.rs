//! What is wrong with a dynamic operand whatever the history holds: a function that is none, several values where one is needed, a
//! place that `last(k)` cannot have. Such a rule is an error on the first run as on every later one.

use super::MAX_RUNS;
use crate::ast::{Arithmetic, ArithmeticOperator, Condition, NumberOperand, Term};
use crate::mistakes::shown;
use crate::number::Number;
use crate::rule_types::distance;

/// Functions of conditions, with how many arguments they take.
const FUNCTIONS: [(&str, usize, usize); 9] = [
    ("last", 0, 1),
    ("avg", 1, 1),
    ("sum", 1, 1),
    ("median", 1, 1),
    ("max", 1, 1),
    ("min", 1, 1),
    ("std", 1, 1),
    ("abs", 1, 1),
    ("index", 2, 2),
];

/// What is wrong, and the name or number that it is about.
#[derive(Debug)]
pub(crate) struct Misshapen {
    pub(crate) needle: String,
    pub(crate) message: String,
}

type Shaped<T> = Result<T, Misshapen>;

fn wrong<T>(needle: impl Into<String>, message: String) -> Shaped<T> {
    Err(Misshapen { needle: needle.into(), message })
}

/// How many values an expression has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Values {
    One,
    /// `last(k)`, k > 1.
    Last(usize),
}

/// Looks at every dynamic operand of a condition.
pub(crate) fn of_condition(condition: &Condition) -> Shaped<()> {
    let Condition::Number(test) = condition else { return Ok(()) };
    test.operands().into_iter().try_for_each(|operand| match operand {
        NumberOperand::Expression(expression) if expression.is_dynamic() => single(expression),
        _ => Ok(()),
    })
}

/// An expression that has to have one value.
fn single(expression: &Arithmetic) -> Shaped<()> {
    match values(expression)? {
        Values::One => Ok(()),
        Values::Last(k) => wrong(
            "last",
            format!(
                "`{expression}` has {k} values where one is compared: several values need avg, max or the like"
            ),
        ),
    }
}

fn values(expression: &Arithmetic) -> Shaped<Values> {
    if expression.rest.is_empty() {
        return of_term(&expression.first);
    }
    let one = |term: &Term| single(&Arithmetic { first: term.clone(), rest: Vec::new() });
    one(&expression.first)?;
    for (operator, term) in &expression.rest {
        one(term)?;
        let alone = Arithmetic { first: term.clone(), rest: Vec::new() };
        if *operator == ArithmeticOperator::Divide
            && !alone.is_dynamic()
            && alone.value().is_ok_and(|value| value.as_f64() == 0.0)
        {
            return wrong("/", format!("`{expression}` divides by zero"));
        }
    }
    Ok(Values::One)
}

fn of_term(term: &Term) -> Shaped<Values> {
    let (name, arguments) = match term {
        Term::Literal(text) if Number::parse(text).is_none() => {
            return wrong(text, format!("`{text}` is not a number"));
        }
        Term::Literal(_) => return Ok(Values::One),
        Term::Group(inner) => return values(inner),
        Term::Call(name, arguments) => (name.as_str(), arguments.as_slice()),
    };
    call(name, arguments.len())?;
    match (name, arguments) {
        ("last", []) => Ok(Values::One),
        ("last", [k]) => match whole(k) {
            Some(1) => Ok(Values::One),
            Some(k @ 2..) => Ok(Values::Last(k)),
            _ => wrong("last", format!("`{term}`: last takes a whole number from 1 to {MAX_RUNS}")),
        },
        ("index", [list, at]) => {
            let count = match values(list)? {
                Values::One => 1,
                Values::Last(k) => k,
            };
            match whole(at) {
                Some(at) if at < count => Ok(Values::One),
                _ => wrong(
                    "index",
                    format!("`{term}`: index counts from 0, and the last place of `{list}` is {}", count - 1),
                ),
            }
        }
        ("abs", [inner]) => match values(inner)? {
            Values::One => Ok(Values::One),
            Values::Last(k) => wrong("abs", format!("`{term}`: abs takes one value, and last({k}) has {k}")),
        },
        (_, [inner]) => values(inner).map(|_| Values::One),
        _ => Ok(Values::One),
    }
}

/// A small whole number that is written down.
fn whole(expression: &Arithmetic) -> Option<usize> {
    if expression.is_dynamic() {
        return None;
    }
    let value = expression.value().ok()?.as_f64();
    let whole = value.fract() == 0.0 && (0.0..=MAX_RUNS as f64).contains(&value);
    whole.then_some(value as usize)
}

/// A call of a function that there is, with as many arguments as it takes.
pub(crate) fn call(name: &str, arguments: usize) -> Shaped<()> {
    const SYNONYMS: [(&str, &str); 8] = [
        ("average", "avg"),
        ("mean", "avg"),
        ("stddev", "std"),
        ("stdev", "std"),
        ("minimum", "min"),
        ("maximum", "max"),
        ("previous", "last"),
        ("total", "sum"),
    ];
    let lower = name.to_ascii_lowercase();
    if let Some((_, least, most)) = FUNCTIONS.iter().find(|(known, ..)| *known == name) {
        if (*least..=*most).contains(&arguments) {
            return Ok(());
        }
        let wanted = if least == most { format!("{most}") } else { format!("{least} or {most}") };
        return wrong(name, format!("`{name}` takes {wanted} argument(s), not {arguments}"));
    }
    let synonym = SYNONYMS.iter().find(|(other, _)| *other == lower).map(|(_, known)| *known);
    let near = FUNCTIONS
        .iter()
        .filter(|_| lower.len() < 40)
        .map(|(known, ..)| (distance(&lower, known), *known))
        .min()
        .filter(|(distance, known)| *distance <= known.len().max(lower.len()) / 3);
    if ["today", "current_date", "getdate", "sysdate", "current_timestamp"].contains(&lower.as_str()) {
        let message = format!("there is no function `{}` in conditions; did you mean `now()`?", shown(name));
        return wrong(name, message);
    }
    let known = "avg, sum, median, max, min, std, abs, index and last";
    let hint = match synonym.or(near.map(|(_, near)| near)) {
        Some(near) => format!("; did you mean `{near}`?"),
        None => format!("; there are {known}"),
    };
    wrong(name, format!("there is no function `{}` in conditions{hint}", shown(name)))
}
