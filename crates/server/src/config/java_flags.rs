//! The flags of a Java machine that launch scripts made for upstream pass: `-Dname=value` is for this server, the rest
//! (`-Xmx1g`, `-XX:+UseG1GC`, class paths) tunes a machine that is not here.

/// Splits a variable such as `SERVER_JVMFLAGS` as a shell would: at blanks, with `'...'`, `"..."` and `\` keeping
/// them together. A quote that is never closed reaches to the end.
pub fn split(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (Some(open), _) if c == open => quote = None,
            (Some('\''), _) => word.get_or_insert_default().push(c),
            (_, '\\') => word.get_or_insert_default().extend(chars.next()),
            (Some(_), _) => word.get_or_insert_default().push(c),
            (None, '\'' | '"') => {
                quote = Some(c);
                // Two quotes with nothing between them are a word.
                word.get_or_insert_default();
            }
            (None, _) if c.is_whitespace() => words.extend(word.take()),
            (None, _) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

/// What flags mean here.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct JavaFlags {
    /// Name and value of each `-Dname=value`, in order; `-Dname` alone is the empty value, as in Java.
    pub properties: Vec<(String, String)>,
    /// The rest.
    pub ignored: Vec<String>,
}

/// Sorts flags.
pub fn read<S: AsRef<str>>(flags: impl IntoIterator<Item = S>) -> JavaFlags {
    let mut read = JavaFlags::default();
    for flag in flags {
        match flag.as_ref().strip_prefix("-D") {
            Some(property) => {
                let (name, value) = property.split_once('=').unwrap_or((property, ""));
                read.properties.push((name.to_string(), value.to_string()));
            }
            None => read.ignored.push(flag.as_ref().to_string()),
        }
    }
    read
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_split_as_in_a_shell() {
        for (text, words) in [
            ("", &[][..]),
            ("  -Xmx1g   -Da=b ", &["-Xmx1g", "-Da=b"]),
            ("-Da='b c' \"-Dd=e f\"", &["-Da=b c", "-Dd=e f"]),
            (r#"-Da=b\ c "x\"y" 'x\y' ''"#, &["-Da=b c", "x\"y", "x\\y", ""]),
            ("'never closed", &["never closed"]),
        ] {
            assert_eq!(split(text), words, "{text:?}");
        }
    }

    #[test]
    fn properties_are_told_from_the_rest() {
        let read = read(split("-Xmx1g -Dzookeeper.superUser=a=b -Dflag -XX:OnOutOfMemoryError='kill -9 %p'"));
        let pairs = [("zookeeper.superUser", "a=b"), ("flag", "")].map(|(n, v)| (n.to_string(), v.to_string()));
        assert_eq!(read.properties, pairs);
        assert_eq!(read.ignored, ["-Xmx1g", "-XX:OnOutOfMemoryError=kill -9 %p"]);
    }
}
