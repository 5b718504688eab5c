//! One figure: what was measured of both servers, and what is wanted.

use std::fmt;

use super::Both;

/// A line of the table.
pub struct Row {
    what: String,
    unit: &'static str,
    seen: Both,
    /// The goal in words, and whether it is met; none for a figure that only explains others.
    goal: Option<(String, bool)>,
}

impl Row {
    /// A figure without a goal.
    pub fn plain(what: impl Into<String>, unit: &'static str, seen: Both) -> Self {
        Self { what: what.into(), unit, seen, goal: None }
    }

    /// Ours may be at most `most`.
    pub fn at_most(self, most: f64, why: &str) -> Self {
        let met = median(&self.seen.ours) <= most;
        self.with_goal(format!("at most {}{why}", show(most)), met)
    }

    /// Ours must be at least `least`.
    pub fn at_least(self, least: f64, why: &str) -> Self {
        let met = median(&self.seen.ours) >= least;
        self.with_goal(format!("at least {}{why}", show(least)), met)
    }

    /// Ours may be at most so much of Apache's.
    pub fn ratio_at_most(self, most: f64) -> Self {
        let met = self.ratio() <= most;
        self.with_goal(format!("ratio at most {}", show(most)), met)
    }

    /// Ours must be at least so many times Apache's.
    pub fn ratio_at_least(self, least: f64) -> Self {
        let met = self.ratio() >= least;
        self.with_goal(format!("ratio at least {}", show(least)), met)
    }

    fn with_goal(mut self, goal: String, met: bool) -> Self {
        // Of several goals all must be met.
        self.goal = Some(match self.goal.take() {
            None => (goal, met),
            Some((first, first_met)) => (format!("{first}; {goal}"), first_met && met),
        });
        self
    }

    fn ratio(&self) -> f64 {
        median(&self.seen.ours) / median(&self.seen.apache)
    }
}

/// The rows as a table in Markdown, ready for `docs/performance.md`. It is printed as it is measured: a run takes many
/// minutes, and what ends it early shall not take what was seen before.
pub struct Table(());

impl Table {
    /// Prints the heading. `beside` is Apache's release.
    pub fn begin(beside: &str) -> Self {
        println!("| figure | castlekeep | Apache {beside} | ratio | goal | met |");
        println!("| --- | ---: | ---: | ---: | --- | --- |");
        Self(())
    }

    /// Prints rows.
    pub fn add(&mut self, rows: impl IntoIterator<Item = Row>) {
        rows.into_iter().for_each(|row| println!("{row}"));
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ratio = self.ratio();
        let ratio = if ratio.is_finite() { format!("{ratio:.2}") } else { String::new() };
        let (goal, met) = match &self.goal {
            Some((goal, met)) => (goal.as_str(), if *met { "yes" } else { "no" }),
            None => ("", ""),
        };
        let (ours, apache) = (spread(&self.seen.ours), spread(&self.seen.apache));
        write!(f, "| {}, {} | {ours} | {apache} | {ratio} | {goal} | {met} |", self.what, self.unit)
    }
}

/// The middle one; NaN of none.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

fn show(value: f64) -> String {
    if value.abs() >= 100.0 { format!("{value:.0}") } else { format!("{value:.2}") }
}

/// The median, and the extremes when there are several values; nothing when there is none.
fn spread(values: &[f64]) -> String {
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    match values.len() {
        0 => String::new(),
        1 => show(median(values)),
        _ => format!("{} ({} to {})", show(median(values)), show(least), show(most)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_goal_is_judged_by_the_median() {
        let both = || Both { ours: vec![1.0, 9.0, 2.0], apache: vec![10.0, 10.0, 10.0] };
        let met = |row: Row| row.goal.map(|(_, met)| met);
        assert_eq!(met(Row::plain("a", "us", both()).at_most(2.0, "")), Some(true));
        assert_eq!(met(Row::plain("a", "us", both()).at_most(1.9, "")), Some(false));
        assert_eq!(met(Row::plain("a", "us", both()).ratio_at_most(0.2)), Some(true));
        assert_eq!(met(Row::plain("a", "us", both()).ratio_at_least(0.3)), Some(false));
        assert_eq!(met(Row::plain("a", "us", both()).at_most(1.0, "").ratio_at_most(0.2)), Some(false));
        assert_eq!(met(Row::plain("a", "us", Both::default()).at_most(1.0, "")), Some(false), "nothing was measured");
        let text = Row::plain("get", "us", both()).at_most(2.0, "").to_string();
        assert_eq!(text, "| get, us | 2.00 (1.00 to 9.00) | 10.00 (10.00 to 10.00) | 0.20 | at most 2.00 | yes |");
    }
}
