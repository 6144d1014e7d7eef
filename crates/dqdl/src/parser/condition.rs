//! Conditions and their operands.

use chrono::{NaiveDate, NaiveTime};

use super::{Parsed, Parser};
use crate::ast::{
    Arithmetic, ArithmeticOperator, Condition, DateOperand, Duration, NumberOperand, Operator, Size, Term,
    Test, TextOperand, TextTest, TimeUnit, VariableValue,
};
use crate::error::Fault;
use crate::lexer::{Kind, Token};

const SIZE_UNITS: &[&str] = &["B", "KB", "MB", "GB", "TB"];
const NULL: &[&str] = &["null", "NULL"];
const EMPTY: &[&str] = &["empty", "EMPTY"];
const WHITESPACES_ONLY: &[&str] = &["whitespaces_only", "WHITESPACES_ONLY"];

/// One operand, before the others have decided its kind.
#[derive(Debug)]
enum Operand {
    Null,
    Number(Arithmetic),
    Text(TextOperand),
    Date(DateOperand),
    Duration(Duration),
    Size(Size),
}

/// What kind of condition a list of operands makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum OperandKind {
    Number,
    Text,
    Date,
    Duration,
    Size,
}

impl Operand {
    /// `None` for NULL, which fits numbers, texts and dates.
    fn kind(&self) -> Option<OperandKind> {
        match self {
            Self::Null => None,
            Self::Number(_) => Some(OperandKind::Number),
            Self::Text(_) => Some(OperandKind::Text),
            Self::Date(_) => Some(OperandKind::Date),
            Self::Duration(_) => Some(OperandKind::Duration),
            Self::Size(_) => Some(OperandKind::Size),
        }
    }

    fn number(self) -> Option<NumberOperand> {
        match self {
            Self::Null => Some(NumberOperand::Null),
            Self::Number(expression) => Some(NumberOperand::Expression(expression)),
            _ => None,
        }
    }

    fn text(self) -> Option<TextOperand> {
        match self {
            Self::Null => Some(TextOperand::Null),
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    fn date(self) -> Option<DateOperand> {
        match self {
            Self::Null => Some(DateOperand::Null),
            Self::Date(date) => Some(date),
            _ => None,
        }
    }

    fn duration(self) -> Option<Duration> {
        match self {
            Self::Duration(duration) => Some(duration),
            _ => None,
        }
    }

    fn size(self) -> Option<Size> {
        match self {
            Self::Size(size) => Some(size),
            _ => None,
        }
    }
}

impl Parser<'_> {
    /// A condition, or `None` when the next token starts none.
    pub(super) fn condition(&mut self) -> Parsed<Option<Condition>> {
        let start = self.peek();
        let negated = self.take_word(&["not"]);
        let condition = if self.take_word(&["between"]) {
            self.between(negated, start)?
        } else if self.take_word(&["in"]) {
            self.membership(negated, start)?
        } else if self.take_word(&["matches"]) {
            let (pattern, _) = self.quoted("a quoted regular expression")?;
            Condition::Text(TextTest::Matches { negated, pattern: pattern.to_owned() })
        } else if negated {
            return Err(self.unexpected("`between`, `in` or `matches`"));
        } else if let Some(operator) = self.operator()? {
            self.comparison(operator, start)?
        } else {
            return Ok(None);
        };
        Ok(Some(condition))
    }

    fn operator(&mut self) -> Parsed<Option<Operator>> {
        let Kind::Symbol(symbol) = self.peek().kind else {
            return Ok(None);
        };
        let or_equal = self.is_symbol(1, b'=');
        let operator = match symbol {
            b'=' => Operator::Equal,
            b'!' if or_equal => Operator::NotEqual,
            b'!' => {
                self.next();
                return Err(self.unexpected("`=`"));
            }
            b'<' if or_equal => Operator::LessOrEqual,
            b'<' => Operator::Less,
            b'>' if or_equal => Operator::GreaterOrEqual,
            b'>' => Operator::Greater,
            _ => return Ok(None),
        };
        self.at += if or_equal && symbol != b'=' { 2 } else { 1 };
        Ok(Some(operator))
    }

    fn comparison(&mut self, operator: Operator, start: Token) -> Parsed<Condition> {
        let operand = match self.operand()? {
            Operand::Text(value) => {
                let negated = match operator {
                    Operator::Equal => false,
                    Operator::NotEqual => true,
                    _ => {
                        return Err(Fault::new(
                            start.span.start,
                            "texts can only be compared with `=`, `!=`, `in` and `matches`",
                        ));
                    }
                };
                return Ok(Condition::Text(TextTest::Equal { negated, value }));
            }
            operand => operand,
        };
        Ok(match operand {
            Operand::Date(date) => Condition::Date(Test::Compare(operator, date)),
            Operand::Duration(duration) => Condition::Duration(Test::Compare(operator, duration)),
            Operand::Size(size) => Condition::Size(Test::Compare(operator, size)),
            Operand::Number(number) => {
                Condition::Number(Test::Compare(operator, NumberOperand::Expression(number)))
            }
            Operand::Null | Operand::Text(_) => {
                Condition::Number(Test::Compare(operator, NumberOperand::Null))
            }
        })
    }

    fn between(&mut self, negated: bool, start: Token) -> Parsed<Condition> {
        let low = self.operand()?;
        if !self.take_word(&["and", "AND"]) {
            return Err(self.unexpected("`and`"));
        }
        let high = self.operand()?;
        let kind = same_kind([&low, &high].into_iter(), start)?;
        fn ends<T>(
            negated: bool,
            low: Operand,
            high: Operand,
            as_kind: fn(Operand) -> Option<T>,
        ) -> Option<Test<T>> {
            Some(Test::Between { negated, low: as_kind(low)?, high: as_kind(high)? })
        }
        match kind {
            OperandKind::Number => ends(negated, low, high, Operand::number).map(Condition::Number),
            OperandKind::Date => ends(negated, low, high, Operand::date).map(Condition::Date),
            OperandKind::Duration => ends(negated, low, high, Operand::duration).map(Condition::Duration),
            OperandKind::Size => ends(negated, low, high, Operand::size).map(Condition::Size),
            OperandKind::Text => None,
        }
        .ok_or_else(|| Fault::new(start.span.start, "`between` takes numbers, dates, durations or sizes"))
    }

    fn membership(&mut self, negated: bool, start: Token) -> Parsed<Condition> {
        if self.is_symbol(0, b'$') {
            let (value, name) = self.variable()?;
            return match value {
                VariableValue::List(texts) => Ok(Condition::Text(TextTest::In {
                    negated,
                    values: texts.into_iter().map(TextOperand::Text).collect(),
                })),
                VariableValue::Text(_) => {
                    Err(Fault::new(start.span.start, format!("${name} is a single text; `in` takes a list")))
                }
            };
        }
        if !self.is_symbol(0, b'[') {
            return Err(self.unexpected("`[` or a list variable"));
        }
        self.next();
        let operands = self.list(false, Self::operand)?;
        let kind = same_kind(operands.iter(), start)?;
        fn all<T>(operands: Vec<Operand>, as_kind: fn(Operand) -> Option<T>) -> Option<Vec<T>> {
            operands.into_iter().map(as_kind).collect()
        }
        let test = |values| Test::In { negated, values };
        match kind {
            OperandKind::Number => {
                all(operands, Operand::number).map(|values| Condition::Number(test(values)))
            }
            OperandKind::Text => {
                all(operands, Operand::text).map(|values| Condition::Text(TextTest::In { negated, values }))
            }
            OperandKind::Date => {
                all(operands, Operand::date).map(|values| Condition::Date(Test::In { negated, values }))
            }
            OperandKind::Duration => all(operands, Operand::duration)
                .map(|values| Condition::Duration(Test::In { negated, values })),
            OperandKind::Size => {
                all(operands, Operand::size).map(|values| Condition::Size(Test::In { negated, values }))
            }
        }
        .ok_or_else(|| Fault::new(start.span.start, "the list mixes kinds of values"))
    }

    fn operand(&mut self) -> Parsed<Operand> {
        let token = self.peek();
        match token.kind {
            Kind::Text => {
                self.next();
                Ok(Operand::Text(TextOperand::Text(self.inside(token).to_owned())))
            }
            Kind::Date => {
                self.next();
                let text = self.inside(token);
                match NaiveDate::parse_from_str(text, "%Y-%m-%d") {
                    Ok(date) => Ok(Operand::Date(DateOperand::Date(date))),
                    Err(_) => {
                        Err(Fault::new(token.span.start, format!("{text} is not a day of the calendar")))
                    }
                }
            }
            Kind::Time => {
                self.next();
                let text = self.inside(token);
                let time = NaiveTime::parse_from_str(text, "%H:%M")
                    .or_else(|_| NaiveTime::parse_from_str(text, "%I:%M %p"))
                    .map_err(|_| Fault::new(token.span.start, format!("{text} is not a time of day")))?;
                Ok(Operand::Date(DateOperand::Time(time, text.to_owned())))
            }
            Kind::Symbol(b'$') => match self.variable()? {
                (VariableValue::Text(text), _) => Ok(Operand::Text(TextOperand::Text(text))),
                (VariableValue::List(_), name) => {
                    Err(Fault::new(token.span.start, format!("${name} is a list and can only follow `in`")))
                }
            },
            Kind::Symbol(b'(') if self.is_word(1, &["now"]) => self.relative_date(),
            _ if self.take_word(NULL) => Ok(Operand::Null),
            _ if self.take_word(EMPTY) => Ok(Operand::Text(TextOperand::Empty)),
            _ if self.take_word(WHITESPACES_ONLY) => Ok(Operand::Text(TextOperand::WhitespacesOnly)),
            _ if self.is_word(0, &["now"]) => {
                self.now()?;
                Ok(Operand::Date(DateOperand::Now))
            }
            Kind::Symbol(b'-' | b'(') | Kind::Integer | Kind::Decimal | Kind::Identifier => self.quantity(),
            _ => Err(self.unexpected("a number, a text, a date or NULL")),
        }
    }

    fn now(&mut self) -> Parsed<()> {
        self.next();
        self.symbol(b'(')?;
        self.symbol(b')')?;
        Ok(())
    }

    /// `(now() - 3 days)`
    fn relative_date(&mut self) -> Parsed<Operand> {
        self.symbol(b'(')?;
        self.now()?;
        let sign = if self.take_symbol(b'-') {
            -1
        } else if self.take_symbol(b'+') {
            1
        } else {
            return Err(self.unexpected("`+` or `-`"));
        };
        let token = self.peek();
        if token.kind != Kind::Integer {
            return Err(self.unexpected("a whole number"));
        }
        self.next();
        let amount = self.integer(token, sign)?;
        let Some(unit) = self.time_unit() else {
            return Err(self.unexpected("`days`, `hours` or `minutes`"));
        };
        self.symbol(b')')?;
        Ok(Operand::Date(DateOperand::NowPlus(Duration { amount, unit })))
    }

    fn integer(&self, token: Token, sign: i64) -> Parsed<i64> {
        // Ages and sizes are multiplied by their unit later; this bound keeps that far from overflow.
        match self.slice(token).parse::<i64>() {
            Ok(amount) if amount <= 1_000_000_000_000 => Ok(sign * amount),
            _ => Err(Fault::new(token.span.start, "the number is too large")),
        }
    }

    fn time_unit(&mut self) -> Option<TimeUnit> {
        [("days", TimeUnit::Days), ("hours", TimeUnit::Hours), ("minutes", TimeUnit::Minutes)]
            .into_iter()
            .find(|(word, _)| self.take_word(&[word]))
            .map(|(_, unit)| unit)
    }

    /// A number, or a whole number with a unit.
    fn quantity(&mut self) -> Parsed<Operand> {
        let negative = self.is_symbol(0, b'-');
        let (token, ahead) = (self.token(usize::from(negative)), 1 + usize::from(negative));
        let has_unit = self.is_word(ahead, &["days", "hours", "minutes"]) || self.is_word(ahead, SIZE_UNITS);
        if token.kind != Kind::Integer || !has_unit {
            return self.arithmetic().map(Operand::Number);
        }
        self.at += ahead;
        let amount = self.integer(token, if negative { -1 } else { 1 })?;
        if let Some(unit) = self.time_unit() {
            return Ok(Operand::Duration(Duration { amount, unit }));
        }
        let unit = self.next();
        Ok(Operand::Size(Size { amount, unit: self.slice(unit).to_owned() }))
    }

    fn arithmetic(&mut self) -> Parsed<Arithmetic> {
        let first = self.term()?;
        let mut rest = Vec::new();
        loop {
            let operator = match self.peek().kind {
                Kind::Symbol(b'+') => ArithmeticOperator::Add,
                Kind::Symbol(b'-') => ArithmeticOperator::Subtract,
                Kind::Symbol(b'*') => ArithmeticOperator::Multiply,
                Kind::Symbol(b'/') => ArithmeticOperator::Divide,
                _ => return Ok(Arithmetic { first, rest }),
            };
            self.next();
            rest.push((operator, self.term()?));
        }
    }

    fn term(&mut self) -> Parsed<Term> {
        if self.take_symbol(b'(') {
            let inner = self.nested(Self::arithmetic)?;
            self.symbol(b')')?;
            return Ok(Term::Group(Box::new(inner)));
        }
        if self.peek().kind == Kind::Identifier && self.is_symbol(1, b'(') {
            return self.call();
        }
        let sign = if self.take_symbol(b'-') { "-" } else { "" };
        let token = self.peek();
        if !matches!(token.kind, Kind::Integer | Kind::Decimal) {
            return Err(self.unexpected("a number"));
        }
        self.next();
        Ok(Term::Literal(format!("{sign}{}", self.slice(token))))
    }

    fn call(&mut self) -> Parsed<Term> {
        let name = self.next();
        let name = self.slice(name).to_owned();
        self.symbol(b'(')?;
        let mut arguments = Vec::new();
        if self.take_symbol(b')') {
            return Ok(Term::Call(name, arguments));
        }
        loop {
            arguments.push(self.nested(Self::arithmetic)?);
            if self.take_symbol(b')') {
                return Ok(Term::Call(name, arguments));
            }
            if !self.take_symbol(b',') {
                return Err(self.unexpected("`,` or `)`"));
            }
        }
    }
}

/// The one kind of all operands; only NULLs count as numbers.
fn same_kind<'o>(operands: impl Iterator<Item = &'o Operand>, start: Token) -> Parsed<OperandKind> {
    let mut found = None;
    for kind in operands.filter_map(Operand::kind) {
        if *found.get_or_insert(kind) != kind {
            return Err(Fault::new(start.span.start, "the operands are of different kinds"));
        }
    }
    Ok(found.unwrap_or(OperandKind::Number))
}
