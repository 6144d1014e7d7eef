//! Windows.

use sqlparser::ast::{
    Function, OrderByExpr, WindowFrame, WindowFrameBound, WindowFrameUnits, WindowSpec, WindowType,
};

use super::lint::Linter;
use super::scope::{Scope, plain_name};

/// Functions that number rows or take the value of another row.
const OF_ROWS: [&str; 7] = ["row_number", "ntile", "lag", "lead", "first_value", "last_value", "nth_value"];

/// Functions that give the same for rows that are equal in the order.
const OF_PEERS: [&str; 2] = ["rank", "dense_rank"];

/// Whether a function is only there with a window.
pub(super) fn is_of_windows(name: &str) -> bool {
    OF_ROWS.contains(&name) || OF_PEERS.contains(&name)
}

impl Linter<'_> {
    /// The window of a function.
    pub(super) fn window(&mut self, name: &str, function: &Function, scope: &Scope<'_>) {
        let Some(WindowType::WindowSpec(spec)) = &function.over else { return };
        self.window_parts(spec, scope);
        if spec.window_frame.as_ref().is_some_and(|frame| frame.units == WindowFrameUnits::Groups) {
            self.dialect(function, "GROUPS");
        }
        let goes_by_rows = OF_ROWS.contains(&name);
        let has_frame = !matches!(name, "row_number" | "ntile" | "lag" | "lead") && !OF_PEERS.contains(&name);
        if spec.order_by.is_empty() {
            if goes_by_rows || OF_PEERS.contains(&name) {
                self.listed(function, "window_order");
            }
            return;
        }
        if has_frame && spec.window_frame.is_none() && spec.window_name.is_none() {
            self.listed(function, "window_frame");
        }
        let of_rows = spec.window_frame.as_ref().is_some_and(|frame| frame.units == WindowFrameUnits::Rows);
        if goes_by_rows || (has_frame && of_rows && !is_whole(spec.window_frame.as_ref())) {
            self.total_order(function, spec, scope);
        }
    }

    /// What a window is made of.
    pub(super) fn window_parts(&mut self, spec: &WindowSpec, scope: &Scope<'_>) {
        for expr in &spec.partition_by {
            self.expr(expr, scope);
        }
        self.order_of_rows(&spec.order_by, scope);
        if let Some(frame) = &spec.window_frame {
            for bound in std::iter::once(&frame.start_bound).chain(&frame.end_bound) {
                if let WindowFrameBound::Preceding(Some(expr)) | WindowFrameBound::Following(Some(expr)) =
                    bound
                {
                    self.expr(expr, scope);
                }
            }
        }
    }

    fn order_of_rows(&mut self, order: &[OrderByExpr], scope: &Scope<'_>) {
        for item in order {
            self.expr(&item.expr, scope);
            if item.options.nulls_first.is_none() {
                self.listed(&item.expr, "nulls_order");
            }
        }
    }

    /// Where the key of the rows is known, a window's order has to tell all of them apart.
    fn total_order(&mut self, function: &Function, spec: &WindowSpec, scope: &Scope<'_>) {
        let ordered = spec.order_by.iter().map(|item| &item.expr);
        let named: Vec<String> = spec.partition_by.iter().chain(ordered).filter_map(plain_name).collect();
        if let Some(rest) = scope.rest_of_key(&named).filter(|rest| !rest.is_empty()) {
            let because = format!("rows may be equal but for {}", rest.join(", "));
            self.listed_because(function, "window_order", &because);
        }
    }
}

/// Whether a frame is the whole partition: its rows' order makes no difference to a sum.
fn is_whole(frame: Option<&WindowFrame>) -> bool {
    frame.is_some_and(|frame| {
        matches!(frame.start_bound, WindowFrameBound::Preceding(None))
            && matches!(frame.end_bound, Some(WindowFrameBound::Following(None)))
    })
}
