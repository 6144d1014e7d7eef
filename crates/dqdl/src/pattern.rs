//! Patterns as Spark reads them: [Java's regular expressions](https://docs.oracle.com/javase/17/docs/api/java.base/java/util/regex/Pattern.html).
//!
//! `\d`, `\w`, `\s` and the POSIX classes are of ASCII, `.` is no line terminator of Unicode, `\Q...\E` quotes. `\b` lies
//! between letters and digits of any script and what is none, as up to Java 18. What the engine of linear time here cannot do
//! (looking around, back references, possessive and atomic groups) is refused by name: some of it would parse and mean
//! something else.

use std::iter::Peekable;
use std::str::Chars;

use regex::Regex;

const SPACE: &str = r" \t\n\x0B\x0C\r";
const LINES: &str = r"\n\x0B\x0C\r\x{85}\x{2028}\x{2029}";
const BLANKS: &str = r" \t\xA0\x{1680}\x{180E}\x{2000}-\x{200A}\x{202F}\x{205F}\x{3000}";
const WORD: &str = "0-9A-Za-z_";

/// Java's names of ASCII classes.
const POSIX: [(&str, &str); 13] = [
    ("Lower", "a-z"),
    ("Upper", "A-Z"),
    ("ASCII", r"\x00-\x7F"),
    ("Alpha", "A-Za-z"),
    ("Digit", "0-9"),
    ("Alnum", "0-9A-Za-z"),
    ("Punct", r"!-/:-@\[-`{-~"),
    ("Graph", "!-~"),
    ("Print", " -~"),
    ("Blank", r" \t"),
    ("Cntrl", r"\x00-\x1F\x7F"),
    ("XDigit", "0-9A-Fa-f"),
    ("Space", SPACE),
];

/// A regular expression that must match the whole text.
pub(crate) fn full_match(pattern: &str, ignore_case: bool) -> Result<Regex, String> {
    let flags = if ignore_case { "(?i)" } else { "" };
    compile(pattern, |translated| format!(r"{flags}\A(?:{translated})\z"))
}

/// A regular expression of Java's, within what `place` puts around its translation: nothing, to be found anywhere.
pub(crate) fn compile(pattern: &str, place: impl FnOnce(String) -> String) -> Result<Regex, String> {
    let shown = crate::mistakes::shown(pattern);
    let refused = |why: &str| format!("\"{shown}\" is not a regular expression this engine knows: {why}");
    let translated = Translation::of(pattern).map_err(|what| refused(&format!("{what} is not supported")))?;
    Regex::new(&place(translated)).map_err(|error| {
        let text = error.to_string();
        let last = text.lines().last().unwrap_or_default();
        refused(last.strip_prefix("error: ").unwrap_or(last))
    })
}

struct Translation<'p> {
    rest: Peekable<Chars<'p>>,
    out: String,
    /// How many brackets are open.
    classes: usize,
    /// Whether `(?s)` occurs, under which `.` is everything.
    dot_all: bool,
}

impl<'p> Translation<'p> {
    /// The pattern in this engine's syntax, or what it lacks.
    fn of(pattern: &'p str) -> Result<String, String> {
        let dot_all = pattern.match_indices("(?").any(|(at, _)| {
            let flags = pattern.get(at + 2..).unwrap_or_default();
            flags.chars().take_while(char::is_ascii_alphabetic).any(|flag| flag == 's')
        });
        let rest = pattern.chars().peekable();
        let mut this = Self { rest, out: String::with_capacity(pattern.len() * 2), classes: 0, dot_all };
        while let Some(c) = this.rest.next() {
            match c {
                '\\' => this.escape()?,
                '[' => this.open_class(),
                _ if this.classes > 0 => this.in_class(c),
                '(' => this.group()?,
                '.' if !this.dot_all => this.out.push_str(r"[^\n\r\x{85}\x{2028}\x{2029}]"),
                '*' | '+' | '?' => {
                    this.out.push(c);
                    this.not_possessive(&c.to_string())?;
                }
                '{' => this.repetition()?,
                _ => this.out.push(c),
            }
        }
        Ok(this.out)
    }

    fn open_class(&mut self) {
        self.classes += 1;
        self.out.push('[');
        if self.rest.next_if_eq(&'^').is_some() {
            self.out.push('^');
        }
        // What opens a class of this engine alone.
        if let Some(literal) = self.rest.next_if(|next| matches!(next, ':' | ']')) {
            self.out.push('\\');
            self.out.push(literal);
        }
    }

    fn in_class(&mut self, c: char) {
        match c {
            ']' => {
                self.classes -= 1;
                self.out.push(c);
            }
            // `--` and `~~` are operators of this engine alone.
            '-' | '~' if self.rest.peek() == Some(&c) => {
                self.rest.next();
                self.out.extend([c, '\\', c]);
            }
            _ => self.out.push(c),
        }
    }

    /// What follows `(`.
    fn group(&mut self) -> Result<(), String> {
        self.out.push('(');
        if self.rest.next_if_eq(&'?').is_none() {
            return Ok(());
        }
        self.out.push('?');
        let mut ahead = self.rest.clone();
        match (ahead.next(), ahead.next()) {
            (Some('='), _) => Err("the look-ahead `(?=`".to_owned()),
            (Some('!'), _) => Err("the look-ahead `(?!`".to_owned()),
            (Some('<'), Some('=')) => Err("the look-behind `(?<=`".to_owned()),
            (Some('<'), Some('!')) => Err("the look-behind `(?<!`".to_owned()),
            (Some('>'), _) => Err("the atomic group `(?>`".to_owned()),
            _ => {
                while let Some(flag) = self.rest.next_if(|next| next.is_ascii_alphabetic() || *next == '-') {
                    if matches!(flag, 'U' | 'd') {
                        return Err(format!("the flag `{flag}`"));
                    }
                    self.out.push(flag);
                }
                Ok(())
            }
        }
    }

    /// `{2,3}`
    fn repetition(&mut self) -> Result<(), String> {
        let mut text = String::from("{");
        while let Some(c) = self.rest.next_if(|next| next.is_ascii_digit() || *next == ',') {
            text.push(c);
        }
        self.out.push_str(&text);
        if text.len() > 1 && self.rest.next_if_eq(&'}').is_some() {
            self.out.push('}');
            text.push('}');
            self.not_possessive(&text)?;
        }
        Ok(())
    }

    /// A second plus would be a repetition of the repetition here.
    fn not_possessive(&mut self, quantifier: &str) -> Result<(), String> {
        if self.rest.peek() == Some(&'+') {
            return Err(format!("the possessive `{quantifier}+`"));
        }
        Ok(())
    }

    fn class(&mut self, members: &str, negated: bool) {
        self.out.push_str(if negated { "[^" } else { "[" });
        self.out.push_str(members);
        self.out.push(']');
    }

    /// What follows a backslash.
    fn escape(&mut self) -> Result<(), String> {
        let Some(c) = self.rest.next() else {
            self.out.push('\\');
            return Ok(());
        };
        match c {
            'd' | 'D' => self.class("0-9", c == 'D'),
            'w' | 'W' => self.class(WORD, c == 'W'),
            's' | 'S' => self.class(SPACE, c == 'S'),
            'h' | 'H' => self.class(BLANKS, c == 'H'),
            'v' | 'V' => self.class(LINES, c == 'V'),
            'R' => self.out.push_str(&format!(r"(?:\r\n|[{LINES}])")),
            'Z' => self.out.push_str(r"\z"),
            'e' => self.out.push_str(r"\x1B"),
            'Q' => self.quotation(),
            'p' | 'P' => self.property(c == 'P'),
            '0' => self.octal(),
            'c' => {
                let control = self.rest.next().and_then(|c| u8::try_from(c).ok()).unwrap_or(b'@') ^ 64;
                self.out.push_str(&format!(r"\x{{{control:X}}}"));
            }
            '1'..='9' => return Err(format!(r"the back reference `\{c}`")),
            'k' => return Err(r"the back reference `\k`".to_owned()),
            'G' | 'X' | 'N' => return Err(format!(r"`\{c}`")),
            // Anchors of this engine alone.
            '<' | '>' => self.out.push(c),
            _ if c.is_ascii() => self.out.extend(['\\', c]),
            _ => self.out.push(c),
        }
        Ok(())
    }

    /// `\Q...\E`
    fn quotation(&mut self) {
        let mut text = String::new();
        while let Some(c) = self.rest.next() {
            if c == '\\' && self.rest.next_if_eq(&'E').is_some() {
                break;
            }
            text.push(c);
        }
        self.out.push_str(&regex::escape(&text));
    }

    /// `\p{Alpha}`, `\p{Lu}`, `\pL`
    fn property(&mut self, negated: bool) {
        let mut name = String::new();
        if self.rest.next_if_eq(&'{').is_some() {
            name.extend(std::iter::from_fn(|| self.rest.next_if(|next| *next != '}')));
            self.rest.next();
        } else {
            name.extend(self.rest.next());
        }
        match POSIX.iter().find(|(posix, _)| *posix == name) {
            Some((_, members)) => self.class(members, negated),
            None => self.out.push_str(&format!(r"\{}{{{name}}}", if negated { 'P' } else { 'p' })),
        }
    }

    /// `\012`
    fn octal(&mut self) {
        let mut code = 0;
        for _ in 0..3 {
            let digit = self.rest.next_if(|next| code * 8 < 256 && ('0'..='7').contains(next));
            let Some(digit) = digit.and_then(|digit| digit.to_digit(8)) else { break };
            code = code * 8 + digit;
        }
        self.out.push_str(&format!(r"\x{{{code:X}}}"));
    }
}

#[cfg(test)]
mod tests {
    use super::full_match;

    #[track_caller]
    fn assert_matches(pattern: &str, texts: &[&str], others: &[&str]) {
        let regex = full_match(pattern, false).unwrap_or_else(|error| panic!("{error}"));
        for (text, expected) in
            texts.iter().map(|text| (text, true)).chain(others.iter().map(|text| (text, false)))
        {
            assert_eq!(regex.is_match(text), expected, "{pattern} on {text:?}");
        }
    }

    #[test]
    fn classes_are_those_of_java() {
        assert_matches(r"\d+", &["0", "42"], &["", "٤٢", "४", "4a"]);
        assert_matches(r"[\d.]+", &["4.2"], &["४.२"]);
        assert_matches(r"[^\d]", &["a", "४"], &["4"]);
        assert_matches(r"\D", &["٤", "a"], &["4"]);
        assert_matches(r"\w+", &["a_1"], &["é", "ação", "a-b"]);
        assert_matches(r"\W", &["é", "-"], &["e"]);
        assert_matches(r"[\w-]+", &["a-b"], &["a b"]);
        assert_matches(r"[\w-.]+", &["a-b.c"], &["a/b"]);
        assert_matches(r"a\sb", &["a b", "a\tb", "a\u{b}b"], &["a\u{a0}b", "a\u{2003}b"]);
        assert_matches(r"a\hb", &["a\u{a0}b"], &["a\nb"]);
        assert_matches(r"\p{Alpha}+", &["abc"], &["é"]);
        assert_matches(r"\p{Punct}", &["!", "[", "`", "~"], &["a", "€"]);
        assert_matches(r"\P{Digit}", &["a"], &["1"]);
        assert_matches(r"\p{Lu}\p{L}*", &["Él"], &["él"]);
        assert_matches(r"\pL", &["é"], &["1"]);
        assert_matches("a.b", &["axb", "a b"], &["a\nb", "a\rb", "a\u{2028}b"]);
        assert_matches("(?s)a.b", &["a\nb", "a\rb"], &[]);
        assert_matches(r"\bé\b", &["é"], &[]);
    }

    #[test]
    fn escapes_are_those_of_java() {
        assert_matches(r"\Qa.b*\E+", &["a.b*", "a.b**"], &["axb"]);
        assert_matches(r"\<a\>", &["<a>"], &["a"]);
        assert_matches(r#"5\" x"#, &["5\" x"], &["5 x"]);
        assert_matches(r"a\/b\-c\ d", &["a/b-c d"], &[]);
        assert_matches(r"\x41\u0042\0103\cM", &["ABC\r"], &[]);
        assert_matches(r"[+--]", &["+", ",", "-"], &["."]);
        assert_matches(r"[[:alpha:]]+", &["alpha:"], &["xyz"]);
        assert_matches(r"[a-z&&[^bc]]", &["a", "d"], &["b"]);
        assert_matches(r"(?<year>\d{4})-\d{2}", &["2024-01"], &["24-01"]);
        assert_matches(r"(?i)abc", &["ABC"], &["ABD"]);
        assert_matches("[]a]", &["]", "a"], &["b"]);
        assert_matches(r"a+?b*?c??", &["aab"], &["b"]);
        assert_matches("a|bc", &["a", "bc"], &["abc", "ac"]);
    }

    #[test]
    fn what_this_engine_lacks_is_named() {
        for (pattern, name) in [
            ("(?=a)a", "look-ahead `(?=`"),
            ("a(?!b).*", "look-ahead `(?!`"),
            ("(?<=a)b", "look-behind `(?<=`"),
            ("(?<!a)b", "look-behind `(?<!`"),
            ("(?>a)b", "atomic group"),
            ("a++b", "possessive `++`"),
            ("a*+b", "possessive `*+`"),
            ("a?+b", "possessive `?+`"),
            ("a{2}+b", "possessive `{2}+`"),
            (r"(a)\1", r"back reference `\1`"),
            (r"(?<x>a)\k<x>", "back reference"),
            (r"\Ga", r"`\G`"),
            ("(?U)a", "flag `U`"),
            ("(a", "unclosed group"),
            ("[z-a]", "range"),
            (r"\p{InGreek}", "property"),
        ] {
            let error = full_match(pattern, false).expect_err(pattern);
            assert!(error.contains(name), "{pattern}: {error}");
        }
    }
}
