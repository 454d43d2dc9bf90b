//! Reads a walker program: lines by their indentation, expressions by recursive descent.

use super::syntax::{Expression, Function, Operator, Statement};

/// No expression or block may be nested deeper.
const DEPTH: usize = 24;

/// The first line of every program.
const HEADER: &str = "def make_walker():";

/// A line with its indentation in steps of four spaces.
struct Line<'a> {
    indent: usize,
    text: &'a str,
}

/// The statements of `make_walker`; `None` unless the text is that function alone, in the part of Python that the
/// corpus writes.
pub(super) fn program(text: &str) -> Option<Vec<Statement>> {
    let mut lines = Vec::new();
    for line in text.lines() {
        let text = line.trim_start_matches(' ');
        let spaces = line.len() - text.len();
        let text = text.split('#').next().unwrap_or_default().trim_end();
        if text.is_empty() {
            continue;
        }
        if !spaces.is_multiple_of(4) {
            return None;
        }
        lines.push(Line { indent: spaces / 4, text });
    }
    let (first, rest) = lines.split_first()?;
    if first.indent != 0 || first.text != HEADER {
        return None;
    }
    let (body, left) = block(rest, 1)?;
    (left.is_empty() && !body.is_empty()).then_some(body)
}

/// The statements of one block, and the lines behind it.
fn block<'a, 'b>(mut lines: &'b [Line<'a>], indent: usize) -> Option<(Vec<Statement>, &'b [Line<'a>])> {
    if indent > DEPTH {
        return None;
    }
    let mut statements = Vec::new();
    while let Some((line, rest)) = lines.split_first().filter(|(line, _)| line.indent >= indent) {
        if line.indent > indent {
            return None;
        }
        let (statement, left) = statement(line.text, rest, indent)?;
        statements.push(statement);
        lines = left;
    }
    Some((statements, lines))
}

fn statement<'a, 'b>(text: &str, rest: &'b [Line<'a>], indent: usize) -> Option<(Statement, &'b [Line<'a>])> {
    let mut reader = Reader::new(text)?;
    if reader.word("for") {
        let name = reader.name()?;
        reader.expect_word("in")?;
        let values = reader.expression(0)?;
        reader.colon()?;
        let (body, rest) = inner(rest, indent)?;
        return Some((Statement::For(name, values, body), rest));
    }
    if reader.word("if") {
        let condition = reader.expression(0)?;
        reader.colon()?;
        let (body, rest) = inner(rest, indent)?;
        let otherwise = rest.first().is_some_and(|line| line.indent == indent && line.text == "else:");
        let (other, rest) = if otherwise { inner(&rest[1..], indent)? } else { (Vec::new(), rest) };
        return Some((Statement::If(condition, body, other), rest));
    }
    if reader.word("def") {
        let name = reader.name()?;
        reader.expect_mark("(")?;
        let parameters = reader.parameters(")")?;
        reader.colon()?;
        let (body, rest) = inner(rest, indent)?;
        let [Statement::Return(value)] = body.as_slice() else { return None };
        return Some((Statement::Function(name, Function { parameters, value: value.clone() }), rest));
    }
    if reader.word("return") {
        let value = reader.expression(0)?;
        return reader.ended().then_some((Statement::Return(value), rest));
    }
    let first = reader.expression(0)?;
    let statement = match first {
        Expression::Name(name) => {
            reader.expect_mark("=")?;
            Statement::Set(name, reader.expression(0)?)
        }
        Expression::Call(..) | Expression::Method(..) => Statement::Call(first),
        _ => return None,
    };
    reader.ended().then_some((statement, rest))
}

/// A block that must not be empty.
fn inner<'a, 'b>(lines: &'b [Line<'a>], indent: usize) -> Option<(Vec<Statement>, &'b [Line<'a>])> {
    let (statements, rest) = block(lines, indent + 1)?;
    (!statements.is_empty()).then_some((statements, rest))
}

/// A piece of a line.
#[derive(Debug, Clone, PartialEq)]
enum Token {
    Name(String),
    Int(i64),
    Float(f64),
    Mark(&'static str),
}

/// Two characters before one.
const MARKS: [&str; 24] = [
    "**", "//", "<=", ">=", "==", "!=", "+=", "-=", "(", ")", "[", "]", ",", ":", "=", "+", "-", "*", "/",
    "%", "<", ">", ".", ";",
];

/// Words that cannot be names.
const WORDS: [&str; 12] =
    ["for", "in", "if", "else", "def", "return", "lambda", "and", "or", "not", "while", "import"];

fn tokens(text: &str) -> Option<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        if first == ' ' {
            rest = &rest[1..];
            continue;
        }
        let digits = rest.chars().take_while(char::is_ascii_digit).count();
        if digits > 0 || (first == '.' && rest[1..].starts_with(|c: char| c.is_ascii_digit())) {
            let (token, length) = number(rest, digits)?;
            tokens.push(token);
            rest = &rest[length..];
            continue;
        }
        let letters = rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').count();
        if letters > 0 {
            tokens.push(Token::Name(rest[..letters].to_owned()));
            rest = &rest[letters..];
            continue;
        }
        let mark = MARKS.into_iter().find(|mark| rest.starts_with(mark))?;
        tokens.push(Token::Mark(mark));
        rest = &rest[mark.len()..];
    }
    Some(tokens)
}

/// A number at the beginning of a text, and its length.
fn number(text: &str, digits: usize) -> Option<(Token, usize)> {
    let mut length = digits;
    let mut point = false;
    if text[length..].starts_with('.') {
        point = true;
        length += 1;
        length += text[length..].chars().take_while(char::is_ascii_digit).count();
    }
    if text[length..].starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_') {
        return None;
    }
    let written = &text[..length];
    // Python refuses whole numbers that begin with 0.
    if !point && digits > 1 && written.starts_with('0') {
        return None;
    }
    let token = if point { Token::Float(written.parse().ok()?) } else { Token::Int(written.parse().ok()?) };
    Some((token, length))
}

/// Reads the tokens of one line.
struct Reader {
    tokens: Vec<Token>,
    at: usize,
}

impl Reader {
    fn new(text: &str) -> Option<Self> {
        Some(Self { tokens: tokens(text)?, at: 0 })
    }

    fn ended(&self) -> bool {
        self.at == self.tokens.len()
    }

    fn mark(&mut self, mark: &str) -> bool {
        let here = matches!(self.tokens.get(self.at), Some(Token::Mark(found)) if *found == mark);
        self.at += usize::from(here);
        here
    }

    fn expect_mark(&mut self, mark: &str) -> Option<()> {
        self.mark(mark).then_some(())
    }

    fn word(&mut self, word: &str) -> bool {
        let here = matches!(self.tokens.get(self.at), Some(Token::Name(found)) if found == word);
        self.at += usize::from(here);
        here
    }

    fn expect_word(&mut self, word: &str) -> Option<()> {
        self.word(word).then_some(())
    }

    /// The colon that ends a line.
    fn colon(&mut self) -> Option<()> {
        self.expect_mark(":")?;
        self.ended().then_some(())
    }

    fn name(&mut self) -> Option<String> {
        match self.tokens.get(self.at) {
            Some(Token::Name(name)) if !WORDS.contains(&name.as_str()) => {
                self.at += 1;
                Some(name.clone())
            }
            _ => None,
        }
    }

    /// Names up to a mark.
    fn parameters(&mut self, end: &str) -> Option<Vec<String>> {
        let mut names = Vec::new();
        while !self.mark(end) {
            if !names.is_empty() {
                self.expect_mark(",")?;
            }
            names.push(self.name()?);
        }
        Some(names)
    }

    fn expression(&mut self, depth: usize) -> Option<Expression> {
        if depth > DEPTH {
            return None;
        }
        if self.word("lambda") {
            let parameters = self.parameters(":")?;
            let value = self.expression(depth + 1)?;
            return Some(Expression::Lambda(Box::new(Function { parameters, value })));
        }
        let value = self.binary(0, depth)?;
        if !self.word("if") {
            return Some(value);
        }
        let condition = self.binary(0, depth)?;
        self.expect_word("else")?;
        let other = self.expression(depth + 1)?;
        Some(Expression::Choice(Box::new(condition), Box::new(value), Box::new(other)))
    }

    /// Operators of rank `rank` and above; each rank is left-associative, and comparisons don't chain.
    fn binary(&mut self, rank: usize, depth: usize) -> Option<Expression> {
        use Operator as O;
        const RANKS: [&[(&str, Operator)]; 5] = [
            &[("or", O::Or)],
            &[("and", O::And)],
            &[
                ("<", O::Less),
                ("<=", O::LessEqual),
                (">", O::Greater),
                (">=", O::GreaterEqual),
                ("==", O::Equal),
                ("!=", O::NotEqual),
            ],
            &[("+", O::Add), ("-", O::Subtract)],
            &[("*", O::Multiply), ("/", O::Divide), ("//", O::FloorDivide), ("%", O::Modulo)],
        ];
        let Some(operators) = RANKS.get(rank) else { return self.unary(depth) };
        if rank == 2 && self.word("not") {
            return Some(Expression::Not(Box::new(self.binary(2, depth + 1)?)));
        }
        let mut left = self.binary(rank + 1, depth)?;
        loop {
            let found = operators.iter().find(|(sign, _)| match self.tokens.get(self.at) {
                Some(Token::Mark(mark)) => mark == sign,
                Some(Token::Name(name)) => name == sign,
                _ => false,
            });
            let Some((_, operator)) = found else { return Some(left) };
            self.at += 1;
            let right = self.binary(rank + 1, depth)?;
            left = Expression::Binary(*operator, Box::new(left), Box::new(right));
            if rank == 2 {
                return Some(left);
            }
        }
    }

    fn unary(&mut self, depth: usize) -> Option<Expression> {
        if depth > DEPTH {
            return None;
        }
        if self.mark("-") {
            return Some(Expression::Negative(Box::new(self.unary(depth + 1)?)));
        }
        let base = self.postfix(depth)?;
        if self.mark("**") {
            let power = self.unary(depth + 1)?;
            return Some(Expression::Binary(Operator::Power, Box::new(base), Box::new(power)));
        }
        Some(base)
    }

    fn postfix(&mut self, depth: usize) -> Option<Expression> {
        let mut value = self.atom(depth)?;
        loop {
            if self.mark("[") {
                let index = self.expression(depth + 1)?;
                self.expect_mark("]")?;
                value = Expression::Index(Box::new(value), Box::new(index));
            } else if let Expression::Name(name) = &value {
                let name = name.clone();
                if self.mark("(") {
                    value = Expression::Call(name, self.values(")", depth)?);
                } else if self.mark(".") {
                    let method = self.name()?;
                    self.expect_mark("(")?;
                    value = Expression::Method(name, method, self.values(")", depth)?);
                } else {
                    return Some(value);
                }
            } else {
                return Some(value);
            }
        }
    }

    fn values(&mut self, end: &str, depth: usize) -> Option<Vec<Expression>> {
        let mut values = Vec::new();
        while !self.mark(end) {
            if !values.is_empty() {
                self.expect_mark(",")?;
            }
            values.push(self.expression(depth + 1)?);
        }
        Some(values)
    }

    fn atom(&mut self, depth: usize) -> Option<Expression> {
        if self.mark("(") {
            let value = self.expression(depth + 1)?;
            self.expect_mark(")")?;
            return Some(value);
        }
        if self.mark("[") {
            return self.list(depth);
        }
        let token = self.tokens.get(self.at)?.clone();
        let value = match token {
            Token::Int(value) => Expression::Int(value),
            Token::Float(value) => Expression::Float(value),
            Token::Name(_) => return self.name().map(Expression::Name),
            Token::Mark(_) => return None,
        };
        self.at += 1;
        Some(value)
    }

    /// A list behind its opening bracket.
    fn list(&mut self, depth: usize) -> Option<Expression> {
        if self.mark("]") {
            return Some(Expression::List(Vec::new()));
        }
        let first = self.expression(depth + 1)?;
        if self.word("for") {
            let name = self.name()?;
            self.expect_word("in")?;
            let values = self.expression(depth + 1)?;
            self.expect_mark("]")?;
            return Some(Expression::Comprehension(Box::new(first), name, Box::new(values)));
        }
        let mut values = vec![first];
        while !self.mark("]") {
            self.expect_mark(",")?;
            values.push(self.expression(depth + 1)?);
        }
        Some(Expression::List(values))
    }
}
