//! What a walker program is made of: the part of Python that the corpus writes.

/// A statement.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Statement {
    /// `name = value`.
    Set(String, Expression),
    /// A call whose result is thrown away.
    Call(Expression),
    /// `for name in values:`.
    For(String, Expression, Vec<Statement>),
    /// `if condition:` and `else:`.
    If(Expression, Vec<Statement>, Vec<Statement>),
    /// `def name(parameters):` with one `return`.
    Function(String, Function),
    /// `return value`.
    Return(Expression),
}

/// A function of a program: its value is one expression of its parameters.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Function {
    /// The parameters' names.
    pub parameters: Vec<String>,
    /// What it returns.
    pub value: Expression,
}

/// An operator between two values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    FloorDivide,
    Modulo,
    Power,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Equal,
    NotEqual,
    And,
    Or,
}

/// An expression.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Expression {
    /// A whole number.
    Int(i64),
    /// A number with a point.
    Float(f64),
    /// A name's value.
    Name(String),
    /// `-value`.
    Negative(Box<Expression>),
    /// `not value`.
    Not(Box<Expression>),
    /// `left operator right`.
    Binary(Operator, Box<Expression>, Box<Expression>),
    /// `name(arguments)`.
    Call(String, Vec<Expression>),
    /// `name.method(arguments)`.
    Method(String, String, Vec<Expression>),
    /// `list[index]`.
    Index(Box<Expression>, Box<Expression>),
    /// `[values]`.
    List(Vec<Expression>),
    /// `[value for name in values]`.
    Comprehension(Box<Expression>, String, Box<Expression>),
    /// `value if condition else other`.
    Choice(Box<Expression>, Box<Expression>, Box<Expression>),
    /// `lambda parameters: value`.
    Lambda(Box<Function>),
}
