//! "Did you mean": the known key that is closest to an unknown one.

/// The candidate with the smallest edit distance to `name`, if it is close enough to be a slip of the keyboard: at
/// most a third of the name's length away.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let close_enough = (name.len() / 3).max(1);
    let own_letters = letters(name);
    candidates
        .into_iter()
        // Each byte that one has more is a step, and a step changes at most two of the letters that there are.
        .filter(|candidate| candidate.len().abs_diff(name.len()) <= close_enough)
        .filter(|candidate| (letters(candidate) ^ own_letters).count_ones() as usize <= 2 * close_enough)
        .filter_map(|candidate| Some((distance(name, candidate, close_enough)?, candidate)))
        .min()
        .map(|(_, candidate)| candidate)
}

/// Which letters there are, a bit each; some share theirs.
fn letters(text: &str) -> u64 {
    text.bytes().fold(0, |bits, byte| bits | 1 << (byte & 63))
}

/// Edit distance over bytes (keys are ASCII): insertions, deletions, replacements and swaps of neighbours each count
/// one (optimal string alignment). `None` beyond `most`: then most pairs are told apart after a few bytes, since no
/// distance is less than the least of a row.
fn distance(a: &str, b: &str, most: usize) -> Option<usize> {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let mut before = vec![0; b.len() + 1];
    let mut above: Vec<usize> = (0..=b.len()).collect();
    let mut row = before.clone();
    for i in 1..=a.len() {
        row[0] = i;
        for j in 1..=b.len() {
            let replaced = above[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut least = replaced.min(above[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                least = least.min(before[j - 2] + 1);
            }
            row[j] = least;
        }
        // A swap reaches over one row, so two of them must be beyond it.
        if row.iter().chain(&above).all(|steps| *steps > most) {
            return None;
        }
        // The oldest row is written over next.
        std::mem::swap(&mut before, &mut above);
        std::mem::swap(&mut above, &mut row);
    }
    Some(above[b.len()]).filter(|steps| *steps <= most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_slips_and_nothing_far_away() {
        let keys = ["log.dirs", "log.retention.ms", "broker.id"];
        assert_eq!(nearest("log.dris", keys), Some("log.dirs"));
        assert_eq!(nearest("log.retention.msec", keys), Some("log.retention.ms"));
        assert_eq!(nearest("xog.dirt", keys), Some("log.dirs"), "other letters, too");
        assert_eq!(nearest("something.else", keys), None);
        assert_eq!(nearest(&"x".repeat(100_000), keys), None, "and at once");
        assert_eq!(distance("kitten", "sitting", 3), Some(3));
        assert_eq!(distance("kitten", "sitting", 2), None);
        assert_eq!(distance("dris", "dirs", 1), Some(1));
        assert_eq!(distance("", "ab", 2), Some(2));
        assert_eq!(distance("abcdef", "badcfe", 3), Some(3), "three swaps in a row");
    }
}
