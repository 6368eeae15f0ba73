//! The nearest names to one that is not there, for error messages.

/// Up to three names nearest to `wanted` by edits (letter case costs nothing but breaks ties), then by name.
pub fn nearest<'a>(wanted: &str, names: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let lower = wanted.to_lowercase();
    let mut scored: Vec<(usize, bool, &str)> = names.into_iter().map(|n| (edits(&lower, &n.to_lowercase()), n != wanted, n)).collect();
    scored.sort();
    scored.truncate(3);
    scored.into_iter().map(|(_, _, name)| name).collect()
}

/// A hint that names them, or says that there are none.
pub fn hint<'a>(wanted: &str, names: impl IntoIterator<Item = &'a str>) -> String {
    let near = nearest(wanted, names);
    if near.is_empty() { "there is none to choose from".to_owned() } else { format!("the nearest names are {}", near.join(", ")) }
}

/// Levenshtein's distance in characters.
fn edits(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, cb) in b.iter().enumerate() {
            let cost = diagonal + usize::from(ca != *cb);
            diagonal = row[j + 1];
            row[j + 1] = cost.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_three() {
        assert_eq!(nearest("GNAs", ["GNAS", "FASN", "GNA11", "XBP1", "GNA12"]), ["GNAS", "GNA11", "GNA12"]);
        assert_eq!(nearest("x", []), Vec::<&str>::new());
        assert_eq!((edits("kitten", "sitting"), edits("", "ab"), edits("ab", "")), (3, 2, 2));
    }
}
