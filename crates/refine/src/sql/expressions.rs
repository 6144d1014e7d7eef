//! Expressions: what they name, what comes out of them, and what of them is not portable.

use sqlparser::ast::{
    BinaryOperator, CastKind, DataType, DateTimeField, Expr, Interval, Query, UnaryOperator,
    Value as Literal, ValueWithSpan,
};

use super::kind::{Kind, Value};
use super::lint::Linter;
use super::portable_functions::NON_DETERMINISTIC;
use super::scope::{Found, Output, Scope, column_of, is_below_one};

impl Linter<'_> {
    /// An expression, and what comes out of it.
    pub(super) fn expr(&mut self, expr: &Expr, scope: &Scope<'_>) -> Value {
        self.pass(expr);
        match expr {
            Expr::Identifier(_) | Expr::CompoundIdentifier(_) => self.column(expr, scope),
            Expr::Nested(inner) => self.expr(inner, scope),
            Expr::Value(value) => self.literal(value),
            Expr::TypedString(typed) => Value::of(Kind::of_type(&typed.data_type).unwrap_or(Kind::Unknown)),
            Expr::Interval(interval) => self.interval(expr, interval),
            Expr::Cast { kind, expr: inner, data_type, .. } => self.cast(expr, kind, inner, data_type, scope),
            Expr::UnaryOp { op, expr: inner } => {
                let value = self.expr(inner, scope);
                match op {
                    UnaryOperator::Not => Value::from(Kind::Boolean, &[value]),
                    UnaryOperator::Plus | UnaryOperator::Minus => value,
                    _ => {
                        self.dialect(expr, "this operator");
                        Value::UNKNOWN
                    }
                }
            }
            Expr::BinaryOp { left, op, right } => self.operation(expr, left, op, right, scope, false),
            Expr::Function(function) => self.function(function, scope, false),
            Expr::Case { .. } => self.case(expr, scope),
            Expr::Extract { field, expr: inner, .. } => self.extract(expr, field, inner, scope),
            Expr::Substring { expr: text, substring_from, substring_for, .. } => {
                let value = self.expr(text, scope);
                if let Some(from) = substring_from {
                    self.expr(from, scope);
                    if is_below_one(from) {
                        self.listed(&**from, "substring_from_zero");
                    }
                }
                if let Some(length) = substring_for {
                    self.expr(length, scope);
                }
                Value::from(Kind::Text, &[value])
            }
            Expr::Trim { expr: text, trim_what, .. } => {
                if let Some(what) = trim_what {
                    self.expr(what, scope);
                }
                let value = self.expr(text, scope);
                Value::from(Kind::Text, &[value])
            }
            Expr::Ceil { expr: inner, .. } | Expr::Floor { expr: inner, .. } => self.rounded(inner, scope),
            Expr::Subquery(query) => {
                let output = self.query_of_value(query, scope);
                let first = output.rows.columns.as_ref().and_then(|columns| columns.first());
                first.map_or(Value::UNKNOWN, |column| column.value.or_null())
            }
            other => self.condition(other, scope),
        }
    }

    fn interval(&mut self, whole: &Expr, interval: &Interval) -> Value {
        let is_plural = matches!(
            interval.leading_field,
            Some(
                DateTimeField::Years
                    | DateTimeField::Months
                    | DateTimeField::Weeks
                    | DateTimeField::Days
                    | DateTimeField::Hours
                    | DateTimeField::Minutes
                    | DateTimeField::Seconds
            )
        );
        if interval.leading_field.is_none() || is_plural {
            self.listed(whole, "interval_text");
        }
        Value::of(Kind::Interval)
    }

    fn case(&mut self, expr: &Expr, scope: &Scope<'_>) -> Value {
        let Expr::Case { operand, conditions, else_result, .. } = expr else { return Value::UNKNOWN };
        let operand = operand.as_ref().map(|operand| self.expr(operand, scope));
        let mut results = Vec::new();
        for when in conditions {
            let condition = self.expr(&when.condition, scope);
            if let Some(operand) = operand {
                self.comparison(&when.condition, operand, condition);
            }
            results.push(self.expr(&when.result, scope));
        }
        match else_result {
            Some(other) => results.push(self.expr(other, scope)),
            None => results.push(Value::UNKNOWN),
        }
        Value::either(&results)
    }

    /// What is true or false, and what is left.
    fn condition(&mut self, expr: &Expr, scope: &Scope<'_>) -> Value {
        let boolean = Value::of(Kind::Boolean);
        match expr {
            Expr::IsFalse(inner)
            | Expr::IsNotFalse(inner)
            | Expr::IsTrue(inner)
            | Expr::IsNotTrue(inner)
            | Expr::IsNull(inner)
            | Expr::IsNotNull(inner) => {
                self.expr(inner, scope);
            }
            Expr::IsDistinctFrom(left, right) | Expr::IsNotDistinctFrom(left, right) => {
                let (left, other) = (self.expr(left, scope), self.expr(right, scope));
                self.comparison(right, left, other);
            }
            Expr::InList { expr: inner, list, .. } => {
                let value = self.expr(inner, scope);
                for item in list {
                    let other = self.expr(item, scope);
                    self.comparison(item, value, other);
                }
            }
            Expr::Between { expr: inner, low, high, .. } => {
                let value = self.compared(inner, scope);
                for bound in [low, high] {
                    let other = self.compared(bound, scope);
                    self.comparison(bound, value, other);
                }
            }
            Expr::InSubquery { expr: inner, subquery, .. } => {
                self.expr(inner, scope);
                self.query(subquery, Some(scope));
            }
            Expr::Exists { subquery, .. } => drop(self.query(subquery, Some(scope))),
            Expr::Like { expr: inner, pattern, .. } => {
                self.expr(inner, scope);
                self.expr(pattern, scope);
            }
            Expr::ILike { .. } | Expr::SimilarTo { .. } | Expr::RLike { .. } => self.listed(expr, "ilike"),
            other => {
                self.dialect(other, "this expression");
                return Value::UNKNOWN;
            }
        }
        boolean.or_null()
    }

    fn column(&mut self, expr: &Expr, scope: &Scope<'_>) -> Value {
        let Some((table, column, _)) = column_of(expr) else {
            self.dialect(expr, "a name of more than a table and a column");
            return Value::UNKNOWN;
        };
        let found = scope.find(table.as_deref(), &column);
        if !matches!(found, Found::Nowhere) {
            match expr {
                Expr::Identifier(name) => self.named_so(name),
                Expr::CompoundIdentifier(names) => names.iter().for_each(|name| self.named_so(name)),
                _ => {}
            }
        }
        match found {
            Found::Here(value) => value,
            Found::Outside(value, depth) => {
                self.correlated |= self.values_at.last().is_some_and(|around| depth <= *around);
                value
            }
            Found::Unknown => Value::UNKNOWN,
            Found::Nowhere => {
                if NON_DETERMINISTIC.contains(&column.as_str()) {
                    self.listed(expr, "non_deterministic");
                } else if table.is_none() && scope.aliases.contains(&column) {
                    self.listed(expr, "lateral_alias");
                } else {
                    self.fault(expr, "unknown_column", format!("there is no column {expr} here"));
                }
                Value::UNKNOWN
            }
        }
    }

    fn literal(&mut self, literal: &ValueWithSpan) -> Value {
        match &literal.value {
            Literal::Number(text, _) if text.contains(['e', 'E']) => {
                self.listed(literal, "float_literal");
                Value::of(Kind::Float)
            }
            Literal::Number(text, _) => Value::of(match text.split_once('.') {
                Some((whole, fraction)) => {
                    let scale = fraction.len() as u64;
                    Kind::Decimal(Some((whole.trim_start_matches('0').len() as u64 + scale, scale)))
                }
                None => Kind::Integer,
            }),
            Literal::SingleQuotedString(_) => Value::of(Kind::Text),
            Literal::Boolean(_) => Value::of(Kind::Boolean),
            Literal::Null => Value::UNKNOWN,
            _ => {
                self.dialect(literal, "this form of a literal");
                Value::UNKNOWN
            }
        }
    }

    fn cast(
        &mut self,
        whole: &Expr,
        kind: &CastKind,
        inner: &Expr,
        data_type: &DataType,
        scope: &Scope<'_>,
    ) -> Value {
        match kind {
            CastKind::Cast => {}
            CastKind::DoubleColon => self.listed(whole, "double_colon"),
            CastKind::TryCast | CastKind::SafeCast => self.listed(whole, "try_cast"),
        }
        let value = self.cast_operand(inner, scope);
        self.pass(whole);
        let Some(target) = Kind::of_type(data_type) else {
            self.dialect(whole, &format!("the type {data_type}"));
            return Value::UNKNOWN;
        };
        match (data_type, target) {
            (DataType::Varchar(None) | DataType::Text | DataType::String(_), _) => {
                self.listed(whole, "text_type")
            }
            (_, Kind::Decimal(None)) => self.listed(whole, "bare_decimal"),
            _ => {}
        }
        if let (true, Kind::Decimal(Some((_, left))), Kind::Decimal(Some((_, wanted)))) =
            (is_quotient(inner), value.kind, target)
            && left < wanted
        {
            let because = format!("cast to {wanted} places, of which Trino has {left}");
            self.listed_because(whole, "division", &because);
        }
        match (value.kind, target) {
            (Kind::Float, Kind::Decimal(_)) => self.listed(whole, "float_to_decimal"),
            // What floor and ceil give has no digits behind the point.
            (Kind::Decimal(digits), Kind::Integer) if digits.is_none_or(|(_, scale)| scale > 0) => {
                self.listed(whole, "decimal_to_integer");
            }
            (Kind::Float, Kind::Integer) => self.listed(whole, "decimal_to_integer"),
            _ => {}
        }
        let fails_to_null = matches!(kind, CastKind::TryCast | CastKind::SafeCast);
        Value { nullable: value.nullable || fails_to_null, ..Value::from(target, &[value]) }
    }

    /// What stands right inside of a cast: there, a quotient, an average and a moved date are fine.
    fn cast_operand(&mut self, expr: &Expr, scope: &Scope<'_>) -> Value {
        match expr {
            Expr::Nested(inner) => self.cast_operand(inner, scope),
            Expr::BinaryOp { left, op, right } => self.operation(expr, left, op, right, scope, true),
            Expr::Function(function) => self.function(function, scope, true),
            other => self.expr(other, scope),
        }
    }

    /// What is compared: a date there may be an instant, and an instant a date.
    fn compared(&mut self, expr: &Expr, scope: &Scope<'_>) -> Value {
        match expr {
            Expr::Nested(inner) => self.compared(inner, scope),
            Expr::BinaryOp { op: BinaryOperator::Plus | BinaryOperator::Minus, .. } => {
                self.cast_operand(expr, scope)
            }
            other => self.expr(other, scope),
        }
    }

    fn operation(
        &mut self,
        whole: &Expr,
        left: &Expr,
        op: &BinaryOperator,
        right: &Expr,
        scope: &Scope<'_>,
        is_cast: bool,
    ) -> Value {
        use BinaryOperator as Op;
        if matches!(op, Op::Eq | Op::NotEq | Op::Lt | Op::LtEq | Op::Gt | Op::GtEq) {
            let (value, other) = (self.compared(left, scope), self.compared(right, scope));
            self.comparison(whole, value, other);
            return Value::from(Kind::Boolean, &[value, other]);
        }
        let (a, b) = (self.expr(left, scope), self.expr(right, scope));
        let both = [a, b];
        self.pass(whole);
        match op {
            Op::And | Op::Or => Value::from(Kind::Boolean, &both),
            Op::Plus | Op::Minus => self.sum(whole, op, both, is_cast),
            Op::Multiply => self.product(whole, both),
            Op::Divide => self.quotient(whole, both, is_cast),
            Op::Modulo => Value::either(&both),
            Op::StringConcat => {
                if both.iter().any(|value| !matches!(value.kind, Kind::Text | Kind::Unknown)) {
                    self.listed(whole, "concat_of_non_text");
                }
                Value::from(Kind::Text, &both)
            }
            _ => {
                self.dialect(whole, &format!("the operator {op}"));
                Value::UNKNOWN
            }
        }
    }

    fn comparison(&mut self, place: &Expr, a: Value, b: Value) {
        let is_mixed = |a: Kind, b: Kind| a == Kind::Text && (b.is_date() || b.is_number());
        if is_mixed(a.kind, b.kind) || is_mixed(b.kind, a.kind) {
            self.listed(place, "mixed_comparison");
        }
    }

    fn sum(&mut self, whole: &Expr, op: &BinaryOperator, both: [Value; 2], is_cast: bool) -> Value {
        let [a, b] = both;
        match (a.kind, b.kind) {
            (a, b) if a.is_date() && b.is_date() => {
                self.listed(whole, "date_difference");
                Value::from(Kind::Interval, &both)
            }
            (Kind::Date, Kind::Interval) | (Kind::Interval, Kind::Date) => {
                if !is_cast {
                    self.listed(whole, "date_arithmetic");
                }
                Value::from(Kind::Date, &both)
            }
            (Kind::Date, Kind::Integer) => {
                self.dialect(
                    whole,
                    &format!("a date {op} a number (an interval is what every engine takes)"),
                );
                Value::from(Kind::Date, &both)
            }
            (Kind::Timestamp, Kind::Interval) => Value::from(Kind::Timestamp, &both),
            (Kind::Decimal(_), _) | (_, Kind::Decimal(_))
                if !both.iter().any(|value| value.kind == Kind::Float) =>
            {
                let digits = Value::either(&both).kind.digits();
                let one_more = digits.map(|(precision, scale)| ((precision + 1).min(38), scale));
                Value::from(Kind::Decimal(one_more), &both)
            }
            _ => Value::either(&both),
        }
    }

    fn product(&mut self, whole: &Expr, both: [Value; 2]) -> Value {
        let [a, b] = both;
        if a.kind == Kind::Float || b.kind == Kind::Float {
            return Value::from(Kind::Float, &both);
        }
        if !(a.kind.is_decimal() || b.kind.is_decimal()) {
            return Value::either(&both);
        }
        let (Some((p, s)), Some((q, t))) = (a.kind.digits(), b.kind.digits()) else {
            return Value::from(Kind::Decimal(None), &both);
        };
        // A number as it is written has few digits, whatever its type may hold.
        let fits = (p + q <= 18 || p.max(q) > 18) && p + q <= 37;
        if !fits {
            let because = format!("decimal({p},{s}) times decimal({q},{t})");
            self.listed_because(whole, "decimal_product", &because);
        }
        Value::from(Kind::Decimal(Some(((p + q).min(38), (s + t).min(38)))), &both)
    }

    fn quotient(&mut self, whole: &Expr, both: [Value; 2], is_cast: bool) -> Value {
        let [a, b] = both;
        if a.kind == Kind::Float || b.kind == Kind::Float {
            return Value::from(Kind::Float, &both);
        }
        if a.kind == Kind::Integer && b.kind == Kind::Integer {
            self.listed(whole, "integer_division");
            return Value::from(Kind::Unknown, &both);
        }
        if !is_cast {
            self.listed(whole, "division");
        } else if let (Some((p, _)), Some((_, t))) = (a.kind.digits(), b.kind.digits())
            && p + 4 + t > 38
        {
            // DataFusion gives four places more than the dividend has, and calculates with 38 digits.
            let because = format!("{p} digits over {t} places are more than 34 together, and overflow");
            self.listed_because(whole, "division", &because);
        }
        // What Trino leaves of it behind the point.
        let digits = a.kind.digits().zip(b.kind.digits()).map(|((_, s), (_, t))| (38, s.max(t)));
        Value { nullable: true, ..Value::from(Kind::Decimal(digits), &both) }
    }

    fn extract(&mut self, whole: &Expr, field: &DateTimeField, inner: &Expr, scope: &Scope<'_>) -> Value {
        let value = self.expr(inner, scope);
        match field {
            DateTimeField::Year
            | DateTimeField::Quarter
            | DateTimeField::Month
            | DateTimeField::Week(None)
            | DateTimeField::Day
            | DateTimeField::Hour
            | DateTimeField::Minute => {}
            DateTimeField::Dow | DateTimeField::Isodow | DateTimeField::DayOfWeek => {
                self.listed(whole, "day_of_week");
            }
            other => self.dialect(whole, &format!("extract({other} from ...)")),
        }
        Value::from(Kind::Integer, &[value])
    }

    fn rounded(&mut self, inner: &Expr, scope: &Scope<'_>) -> Value {
        let value = self.expr(inner, scope);
        match value.kind {
            Kind::Decimal(digits) => {
                Value::from(Kind::Decimal(Some((digits.map_or(38, |(p, _)| p), 0))), &[value])
            }
            _ => value,
        }
    }

    /// A query in the place of a value or beside tables, which may not name columns around it.
    pub(super) fn query_of_value(&mut self, query: &Query, scope: &Scope<'_>) -> Output {
        let before = std::mem::take(&mut self.correlated);
        self.values_at.push(scope.depth());
        let output = self.query(query, Some(scope));
        self.values_at.pop();
        if std::mem::replace(&mut self.correlated, before) {
            self.listed(query, "correlated");
        }
        output
    }
}

fn is_quotient(expr: &Expr) -> bool {
    match expr {
        Expr::Nested(inner) => is_quotient(inner),
        Expr::BinaryOp { op: BinaryOperator::Divide, .. } => true,
        _ => false,
    }
}
