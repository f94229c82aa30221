// SPDX-License-Identifier: GPL-2.0
//! The table of what was measured, and its pictures.

use crate::{
    row::{Operation, Row},
    Outcome,
};
use plotters::prelude::*;
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
    path::Path,
};

const SIZE: (u32, u32) = (900, 500);

/// Costs, by operation, contender and how many timers there are.
pub struct Table {
    costs: BTreeMap<Operation, BTreeMap<String, BTreeMap<u64, f64>>>,
    lives: BTreeSet<u64>,
}

impl Table {
    /// That of these rows.
    pub fn of(rows: &[Row]) -> Self {
        let mut costs: BTreeMap<_, BTreeMap<_, BTreeMap<_, _>>> = BTreeMap::new();
        for row in rows {
            let of_operation = costs.entry(row.operation).or_default();
            let of_contender = of_operation.entry(row.contender.clone()).or_default();
            of_contender.insert(row.live, row.cost);
        }
        Self {
            costs,
            lives: rows.iter().map(|row| row.live).collect(),
        }
    }

    /// What was measured.
    pub fn operations(&self) -> impl Iterator<Item = Operation> + '_ {
        self.costs.keys().copied()
    }

    /// As text: a part of each operation, a line of each contender.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        let lines = self.costs.values().flat_map(BTreeMap::keys);
        let width = lines.map(String::len).max().unwrap_or(0);
        for (operation, contenders) in &self.costs {
            let _ = write!(text, "{:width$}", operation.describe());
            for live in &self.lives {
                let _ = write!(text, " {live:>12}");
            }
            text.push('\n');
            for (contender, costs) in contenders {
                let _ = write!(text, "{contender:width$}");
                for live in &self.lives {
                    match costs.get(live) {
                        Some(cost) => {
                            let _ = write!(text, " {cost:>12.0}");
                        }
                        None => {
                            let _ = write!(text, " {:>12}", "-");
                        }
                    }
                }
                text.push('\n');
            }
            text.push('\n');
        }
        text
    }

    /// Draws one operation: both scales are logarithmic.
    pub fn draw(&self, file: &Path, operation: Operation) -> Outcome {
        let area = SVGBackend::new(file, SIZE).into_drawing_area();
        self.draw_on(&area, operation)
            .and_then(|()| area.present())
            .map_err(|error| format!("{}: {error}", file.display()))
    }

    fn draw_on(
        &self,
        area: &DrawingArea<SVGBackend<'_>, plotters::coord::Shift>,
        operation: Operation,
    ) -> Result<(), DrawingAreaErrorKind<std::io::Error>> {
        let contenders = &self.costs[&operation];
        let costs = || contenders.values().flat_map(BTreeMap::values).copied();
        let (least, most) = (
            costs().fold(f64::MAX, f64::min),
            costs().fold(1.0, f64::max),
        );
        let (first, last) = (
            self.lives.first().copied().unwrap_or(1) as f64,
            self.lives.last().copied().unwrap_or(1) as f64,
        );
        area.fill(&WHITE)?;
        let mut chart = ChartBuilder::on(area)
            .caption(operation.describe(), ("sans-serif", 20))
            .margin(12)
            .x_label_area_size(36)
            .y_label_area_size(72)
            .build_cartesian_2d(
                (first..last.max(first + 1.0)).log_scale(),
                (least.max(1.0) / 2.0..most * 2.0).log_scale(),
            )?;
        chart
            .configure_mesh()
            .light_line_style(WHITE)
            .x_desc("timers that are armed")
            .draw()?;
        for (number, (contender, costs)) in contenders.iter().enumerate() {
            let style = Palette99::pick(number).stroke_width(2);
            let points = costs
                .iter()
                .map(|(&live, &cost)| (live as f64, cost.max(1.0)));
            chart
                .draw_series(LineSeries::new(points, style))?
                .label(contender)
                .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], style));
        }
        chart
            .configure_series_labels()
            .background_style(WHITE.mix(0.8))
            .border_style(BLACK)
            .draw()?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let row = |contender: &str, operation, live, cost| Row {
            contender: contender.to_owned(),
            operation,
            live,
            cost,
            count: 1,
        };
        Table::of(&[
            row("ours", Operation::Cancel, 1000, 300.4),
            row("ours", Operation::Cancel, 1_000_000, 310.0),
            row("timerfd", Operation::Cancel, 1000, 943.0),
            row("ours", Operation::Close, 1_000_000, 500.0),
        ])
    }

    #[test]
    fn a_line_has_a_column_of_each_number_of_timers() {
        let text = table().to_text();
        let lines: Vec<Vec<&str>> = text
            .lines()
            .map(|line| line.split_whitespace().collect())
            .collect();
        assert!(lines.contains(&vec!["ours", "300", "310"]), "{text}");
        assert!(lines.contains(&vec!["timerfd", "943", "-"]), "{text}");
        assert!(lines.contains(&vec!["ours", "-", "500"]), "{text}");
    }

    #[test]
    fn each_operation_is_drawn() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("cancel.svg");
        table().draw(&file, Operation::Cancel).unwrap();
        let picture = std::fs::read_to_string(file).unwrap();
        assert!(picture.contains("timerfd") && picture.contains("<polyline"));
    }
}
