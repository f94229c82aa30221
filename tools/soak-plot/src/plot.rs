// SPDX-License-Identifier: GPL-2.0

//! The picture: a panel below the other, with the same time.

use std::path::Path;

use anyhow::{anyhow, Result};
use plotters::coord::ranged1d::{AsRangedCoord, ValueFormatter};
use plotters::prelude::*;
use sleeptimer_selftests::soak::sample::{Phase, Sample};

const WIDTH: u32 = 1100;
const LINES_WIDTH: u32 = 890;
const PANEL_HEIGHT: u32 = 260;
const TITLE_HEIGHT: u32 = 40;

/// Where a logarithmic scale begins, which has no 0: a lag of a microsecond.
const LEAST_LAG: f64 = 0.001;

/// What a line shows of a sample.
type Value = fn(&Sample) -> f64;

/// Lines of one unit.
struct Panel {
    title: &'static str,
    is_logarithmic: bool,
    lines: &'static [(&'static str, Value)],
}

const PANELS: &[Panel] = &[
    Panel {
        title: "available memory, MiB",
        is_logarithmic: false,
        lines: &[("available", |it| mib(it.memory.available))],
    },
    Panel {
        title: "memory of the kernel, MiB",
        is_logarithmic: false,
        lines: &[
            ("slab", |it| mib(it.memory.slab)),
            ("unreclaimable slab", |it| mib(it.memory.unreclaimable)),
            ("vmalloc", |it| mib(it.memory.vmalloc)),
            ("percpu", |it| mib(it.memory.percpu)),
        ],
    },
    Panel {
        title: "objects",
        is_logarithmic: false,
        lines: &[
            ("maps", |it| it.objects.maps as f64),
            ("timers", |it| it.objects.timers as f64),
            ("programs", |it| it.objects.programs as f64),
            ("unread events", |it| it.objects.events as f64),
            ("slab objects, timers", |it| it.objects.timer_objects as f64),
            ("slab objects, high-resolution", |it| {
                it.objects.highres_objects as f64
            }),
            ("busy workers", |it| it.objects.workers as f64),
        ],
    },
    Panel {
        title: "a second",
        is_logarithmic: false,
        lines: &[
            ("calls", |it| it.activity.operations),
            ("expirations", |it| it.activity.expirations),
        ],
    },
    Panel {
        title: "lag in softirq, ms",
        is_logarithmic: true,
        lines: &[
            ("median", |it| ms(it.activity.softirq.median)),
            ("99 of 100", |it| ms(it.activity.softirq.p99)),
            ("maximum", |it| ms(it.activity.softirq.max)),
        ],
    },
    Panel {
        title: "lag in workers, ms",
        is_logarithmic: true,
        lines: &[
            ("median", |it| ms(it.activity.worker.median)),
            ("99 of 100", |it| ms(it.activity.worker.p99)),
            ("maximum", |it| ms(it.activity.worker.max)),
        ],
    },
    Panel {
        title: "grace period of RCU, ms",
        is_logarithmic: true,
        lines: &[("one", |it| ms(it.grace))],
    },
];

fn mib(kib: u64) -> f64 {
    kib as f64 / 1024.0
}

fn ms(ns: u64) -> f64 {
    ns as f64 / 1e6
}

type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;

/// Draws the samples into a file.
pub fn draw(file: &Path, title: &str, samples: &[Sample]) -> Result<()> {
    let height = TITLE_HEIGHT + PANEL_HEIGHT * PANELS.len() as u32;
    let area = SVGBackend::new(file, (WIDTH, height)).into_drawing_area();
    let drawn = draw_all(&area, title, samples).and_then(|()| area.present());
    drawn.map_err(|error| anyhow!("{error}"))
}

type Drawn<T> = Result<T, DrawingAreaErrorKind<std::io::Error>>;

fn draw_all(area: &Area, title: &str, samples: &[Sample]) -> Drawn<()> {
    area.fill(&WHITE)?;
    let area = area.titled(&format!("{title}, by minutes"), ("sans-serif", 22))?;
    for (panel, area) in PANELS.iter().zip(area.split_evenly((PANELS.len(), 1))) {
        let most = panel.most(samples);
        if panel.is_logarithmic {
            panel.draw(&area, samples, (LEAST_LAG..most * 2.0).log_scale())?;
        } else {
            panel.draw(&area, samples, 0.0..most * 1.1)?;
        }
    }
    Ok(())
}

impl Panel {
    /// The points of a line, by minutes.
    fn points<'a>(
        &self,
        samples: &'a [Sample],
        value: Value,
    ) -> impl Iterator<Item = (f64, f64)> + 'a {
        let least = if self.is_logarithmic { LEAST_LAG } else { 0.0 };
        let points = samples.iter().map(move |it| (minutes(it), value(it)));
        // Where all is closed there is no lag.
        points.filter(move |&(_, value)| value >= least)
    }

    /// The largest value.
    fn most(&self, samples: &[Sample]) -> f64 {
        let values = self
            .lines
            .iter()
            .flat_map(|(_, value)| samples.iter().map(value));
        values.fold(1.0, f64::max)
    }

    fn draw<Y>(&self, area: &Area, samples: &[Sample], values: Y) -> Drawn<()>
    where
        Y: AsRangedCoord<Value = f64>,
        Y::CoordDescType: ValueFormatter<f64>,
    {
        let end = samples.last().map_or(0.0, minutes);
        let (lines, legend) = area.split_horizontally(LINES_WIDTH);
        let mut chart = ChartBuilder::on(&lines)
            .caption(self.title, ("sans-serif", 15))
            .margin(8)
            .margin_right(24)
            .x_label_area_size(24)
            .y_label_area_size(64)
            .build_cartesian_2d(0.0..end, values)?;
        chart
            .configure_mesh()
            .light_line_style(WHITE)
            .y_labels(6)
            .draw()?;
        let (bottom, top) = (chart.y_range().start, chart.y_range().end);
        for sample in samples.iter().filter(|it| it.phase == Phase::Before) {
            let line = [(minutes(sample), bottom), (minutes(sample), top)];
            chart.draw_series(LineSeries::new(line, BLACK.mix(0.5)))?;
        }
        for (number, &(name, value)) in self.lines.iter().enumerate() {
            let style = Palette99::pick(number).stroke_width(2);
            chart.draw_series(LineSeries::new(self.points(samples, value), style))?;
            let y = 40 + 18 * number as i32;
            legend.draw(&PathElement::new([(0, y), (16, y)], style))?;
            legend.draw(&Text::new(name, (22, y - 7), ("sans-serif", 13)))?;
        }
        Ok(())
    }
}

fn minutes(sample: &Sample) -> f64 {
    sample.seconds / 60.0
}
