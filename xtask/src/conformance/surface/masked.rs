//! Texts of two servers made equal where they may differ: names for sessions, ports and folders, `#` for numbers.

/// What a server's own numbers and folders are called.
#[derive(Default)]
pub struct Names(Vec<(String, String)>);

impl Names {
    /// `text` is called `name` from now on.
    pub fn add(&mut self, text: impl Into<String>, name: impl Into<String>) {
        self.0.push((text.into(), name.into()));
        // What holds another one must go first.
        self.0.sort_by_key(|(text, _)| std::cmp::Reverse(text.len()));
    }

    /// A session, in both ways in which servers write it.
    pub fn add_session(&mut self, id: i64, name: &str) {
        self.add(format!("{id:#x}"), name);
        self.add(id.to_string(), name);
    }

    /// The text with its names.
    pub fn apply(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, (from, name)| text.replace(from.as_str(), name))
    }
}

/// Every number, hexadecimal behind `0x`, becomes `#`; a decimal point is part of it.
pub fn numbers(text: &str) -> String {
    let mut masked = String::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if !c.is_ascii_digit() {
            masked.push(c);
            continue;
        }
        let hex = c == '0' && chars.next_if_eq(&'x').is_some();
        while chars.next_if(|c| if hex { c.is_ascii_hexdigit() } else { c.is_ascii_digit() || *c == '.' }).is_some() {}
        masked.push('#');
    }
    masked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_names() {
        assert_eq!(numbers(" /127.0.0.1:5[1](lzxid=0xff,lop=GETD,avg=0.25)"), " /#:#[#](lzxid=#,lop=GETD,avg=#)");
        let mut names = Names::default();
        names.add_session(0x1f, "S");
        names.add("/tmp/1", "DIR");
        assert_eq!(names.apply("0x1f has /tmp/1/x and is 31"), "S has DIR/x and is S");
    }
}
