//! Runs a walker program: what Python and the library of helpers would make of it.

use super::{
    body::{Body, Muscle},
    syntax::{Expression, Function, Operator, Statement},
};

/// Most joints or muscles of a walker.
const PARTS: usize = 2000;

/// Most expressions that a program may evaluate.
const STEPS: usize = 200_000;

/// Deepest nesting of expressions and calls.
const DEPTH: usize = 64;

/// A value of a program.
#[derive(Debug, Clone, PartialEq)]
enum Value {
    None,
    Bool(bool),
    Int(i64),
    Float(f64),
    List(Vec<Value>),
    Function(Function),
    Creator,
    Walker,
}

impl Value {
    fn number(&self) -> Option<f64> {
        match self {
            Self::Int(value) => Some(*value as f64),
            Self::Float(value) => Some(*value),
            Self::Bool(value) => Some(f64::from(u8::from(*value))),
            _ => None,
        }
    }

    fn whole(&self) -> Option<i64> {
        match self {
            Self::Int(value) => Some(*value),
            Self::Bool(value) => Some(i64::from(*value)),
            _ => None,
        }
    }

    fn truth(&self) -> bool {
        match self {
            Self::None => false,
            Self::Bool(value) => *value,
            Self::Int(value) => *value != 0,
            Self::Float(value) => *value != 0.0,
            Self::List(values) => !values.is_empty(),
            Self::Function(_) | Self::Creator | Self::Walker => true,
        }
    }
}

/// The walker that a program returns; `None` if Python would raise an error, or if it uses what is not understood
/// here.
pub(super) fn run(program: &[Statement]) -> Option<Body> {
    let mut machine = Machine::default();
    match machine.block(program, 0)? {
        Some(Value::Walker) => Some(machine.body),
        _ => None,
    }
}

#[derive(Debug, Default)]
struct Machine {
    names: Vec<(String, Value)>,
    body: Body,
    created: bool,
    steps: usize,
}

impl Machine {
    /// Runs statements; the value of a `return`, if one was met.
    fn block(&mut self, statements: &[Statement], depth: usize) -> Option<Option<Value>> {
        for statement in statements {
            match statement {
                Statement::Set(name, value) => {
                    let value = self.value(value, depth)?;
                    self.set(name, value);
                }
                Statement::Call(call) => {
                    self.value(call, depth)?;
                }
                Statement::For(name, values, body) => {
                    let Value::List(values) = self.value(values, depth)? else { return None };
                    for value in values {
                        self.set(name, value);
                        if let Some(returned) = self.block(body, depth + 1)? {
                            return Some(Some(returned));
                        }
                    }
                }
                Statement::If(condition, body, other) => {
                    let body = if self.value(condition, depth)?.truth() { body } else { other };
                    if let Some(returned) = self.block(body, depth + 1)? {
                        return Some(Some(returned));
                    }
                }
                Statement::Function(name, function) => self.set(name, Value::Function(function.clone())),
                Statement::Return(value) => return Some(Some(self.value(value, depth)?)),
            }
        }
        Some(None)
    }

    fn set(&mut self, name: &str, value: Value) {
        match self.names.iter_mut().rev().find(|(known, _)| known == name) {
            Some((_, place)) => *place = value,
            None => self.names.push((name.to_owned(), value)),
        }
    }

    fn get(&self, name: &str) -> Option<&Value> {
        self.names.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    /// A value with names that hold inside it alone.
    fn with(&mut self, names: Vec<(String, Value)>, value: &Expression, depth: usize) -> Option<Value> {
        let before = self.names.len();
        self.names.extend(names);
        let value = self.value(value, depth + 1);
        self.names.truncate(before);
        value
    }

    fn apply(&mut self, function: &Function, arguments: Vec<Value>, depth: usize) -> Option<Value> {
        if function.parameters.len() != arguments.len() {
            return None;
        }
        let names = function.parameters.iter().cloned().zip(arguments).collect();
        self.with(names, &function.value, depth)
    }

    fn values(&mut self, expressions: &[Expression], depth: usize) -> Option<Vec<Value>> {
        expressions.iter().map(|expression| self.value(expression, depth)).collect()
    }

    fn value(&mut self, expression: &Expression, depth: usize) -> Option<Value> {
        self.steps += 1;
        if self.steps > STEPS || depth > DEPTH {
            return None;
        }
        let depth = depth + 1;
        match expression {
            Expression::Int(value) => Some(Value::Int(*value)),
            Expression::Float(value) => Some(Value::Float(*value)),
            Expression::Name(name) if name == "pi" && self.get(name).is_none() => {
                Some(Value::Float(std::f64::consts::PI))
            }
            Expression::Name(name) => self.get(name).cloned(),
            Expression::Negative(value) => match self.value(value, depth)? {
                Value::Int(value) => Some(Value::Int(value.checked_neg()?)),
                value => Some(Value::Float(-value.number()?)),
            },
            Expression::Not(value) => Some(Value::Bool(!self.value(value, depth)?.truth())),
            Expression::Binary(operator, left, right) => self.binary(*operator, left, right, depth),
            Expression::Call(name, arguments) => {
                let arguments = self.values(arguments, depth)?;
                self.call(name, arguments, depth)
            }
            Expression::Method(name, method, arguments) => {
                let arguments = self.values(arguments, depth)?;
                self.method(name, method, arguments)
            }
            Expression::Index(list, index) => {
                let Value::List(list) = self.value(list, depth)? else { return None };
                let index = self.value(index, depth)?.whole()?;
                let index = if index < 0 { index + list.len() as i64 } else { index };
                list.get(usize::try_from(index).ok()?).cloned()
            }
            Expression::List(values) => Some(Value::List(self.values(values, depth)?)),
            Expression::Comprehension(value, name, values) => {
                let Value::List(values) = self.value(values, depth)? else { return None };
                let mut made = Vec::with_capacity(values.len());
                for each in values {
                    made.push(self.with(vec![(name.clone(), each)], value, depth)?);
                }
                Some(Value::List(made))
            }
            Expression::Choice(condition, value, other) => {
                let chosen = if self.value(condition, depth)?.truth() { value } else { other };
                self.value(chosen, depth)
            }
            Expression::Lambda(function) => Some(Value::Function((**function).clone())),
        }
    }

    fn binary(
        &mut self,
        operator: Operator,
        left: &Expression,
        right: &Expression,
        depth: usize,
    ) -> Option<Value> {
        let left = self.value(left, depth)?;
        match operator {
            Operator::And if !left.truth() => return Some(left),
            Operator::Or if left.truth() => return Some(left),
            _ => {}
        }
        let right = self.value(right, depth)?;
        if let (Operator::Add, Value::List(left), Value::List(right)) = (operator, &left, &right) {
            return Some(Value::List([left.as_slice(), right.as_slice()].concat()));
        }
        match operator {
            Operator::And | Operator::Or => Some(right),
            _ => match (left.whole(), right.whole()) {
                (Some(left), Some(right)) => whole(operator, left, right),
                _ => real(operator, left.number()?, right.number()?),
            },
        }
    }

    fn call(&mut self, name: &str, arguments: Vec<Value>, depth: usize) -> Option<Value> {
        if let Some(Value::Function(function)) = self.get(name) {
            let function = function.clone();
            return self.apply(&function, arguments, depth);
        }
        if self.get(name).is_some() {
            return None;
        }
        match name {
            // A second one would build another walker.
            "walker_creator" if arguments.is_empty() && !self.created => {
                self.created = true;
                Some(Value::Creator)
            }
            "range" => range(&arguments),
            "len" => match arguments.as_slice() {
                [Value::List(values)] => Some(Value::Int(values.len() as i64)),
                _ => None,
            },
            "make_square" => {
                let [x0, y0, x1, y1] = self.coordinates(&arguments)?;
                let corners = [(x0, y0), (x0, y1), (x1, y1), (x1, y0)];
                self.joints(corners.into_iter())
            }
            "make_circle" => {
                let (count, rest) = arguments.split_last()?;
                let [cx, cy, radius] = self.coordinates(rest)?;
                let count = count.whole()?;
                let angle = |k: i64| std::f64::consts::TAU * k as f64 / count as f64;
                let point = |k| (cx + radius * libm::cos(angle(k)), cy + radius * libm::sin(angle(k)));
                self.joints((0..count.min(PARTS as i64)).map(point))
            }
            "make_line" => {
                let (count, rest) = arguments.split_last()?;
                let [x0, y0, x1, y1] = self.coordinates(rest)?;
                let count = count.whole().filter(|count| *count > 1)?;
                let share = |k: i64| k as f64 / (count - 1) as f64;
                let point = |k| (x0 + (x1 - x0) * share(k), y0 + (y1 - y0) * share(k));
                self.joints((0..count.min(PARTS as i64)).map(point))
            }
            "query_cppn" => self.query_cppn(&arguments, depth),
            _ => function(name, &arguments),
        }
    }

    /// Numbers behind the creator.
    fn coordinates<const N: usize>(&self, arguments: &[Value]) -> Option<[f64; N]> {
        let (Value::Creator, numbers) = arguments.split_first()? else { return None };
        let numbers: Vec<f64> = numbers.iter().map(Value::number).collect::<Option<_>>()?;
        numbers.try_into().ok()
    }

    fn joint(&mut self, x: f64, y: f64) -> Option<Value> {
        if self.body.joints.len() >= PARTS {
            return None;
        }
        self.body.joints.push((x * 0.22, -y * 0.22));
        Some(Value::Int(self.body.joints.len() as i64 - 1))
    }

    fn joints(&mut self, points: impl Iterator<Item = (f64, f64)>) -> Option<Value> {
        points.map(|(x, y)| self.joint(x, y)).collect::<Option<Vec<Value>>>().map(Value::List)
    }

    fn muscle(&mut self, ends: (&Value, &Value), drive: (f64, f64)) -> Option<()> {
        if self.body.muscles.len() >= PARTS {
            return None;
        }
        let end = |value: &Value| match value {
            Value::Int(joint) => usize::try_from(*joint).ok(),
            _ => None,
        };
        let (amplitude, phase) = drive;
        let muscle = Muscle { from: end(ends.0)?, to: end(ends.1)?, amplitude, phase };
        self.body.muscles.push(muscle);
        Some(())
    }

    fn method(&mut self, name: &str, method: &str, arguments: Vec<Value>) -> Option<Value> {
        if method == "append" {
            let (_, place) = self.names.iter_mut().rev().find(|(known, _)| known == name)?;
            let Value::List(list) = place else { return None };
            let [value] = <[Value; 1]>::try_from(arguments).ok()?;
            if list.len() >= PARTS {
                return None;
            }
            list.push(value);
            return Some(Value::None);
        }
        if *self.get(name)? != Value::Creator {
            return None;
        }
        match (method, arguments.as_slice()) {
            ("add_joint", [x, y]) => self.joint(x.number()?, y.number()?),
            ("add_muscle", [from, to]) => self.muscle((from, to), (0.0, 0.0)).map(|()| Value::None),
            ("add_muscle", [from, to, amplitude, phase]) => {
                self.muscle((from, to), (amplitude.number()?, phase.number()?)).map(|()| Value::None)
            }
            ("get_walker", []) => Some(Value::Walker),
            _ => None,
        }
    }

    /// A grid of joints whose connections are functions of the coordinates of their ends.
    fn query_cppn(&mut self, arguments: &[Value], depth: usize) -> Option<Value> {
        let [Value::Creator, columns, rows, scale, functions @ ..] = arguments else {
            return None;
        };
        let [Value::Function(connect), Value::Function(amplitude), Value::Function(phase)] = functions else {
            return None;
        };
        let (columns, rows, scale) = (columns.whole()?, rows.whole()?, scale.number()?);
        if columns.checked_mul(rows)? > 100 {
            return None;
        }
        let mut joints = Vec::new();
        for x in 0..columns {
            for y in 0..rows {
                joints.push(((x, y), self.joint(x as f64 * scale, y as f64 * scale)?));
            }
        }
        for ((x0, y0), from) in &joints {
            for ((x1, y1), to) in joints.iter().filter(|((x1, y1), to)| x1 >= x0 && y1 >= y0 && to != from) {
                let ends = || [x0, y0, x1, y1].map(|c| Value::Int(*c)).to_vec();
                if self.apply(connect, ends(), depth)?.truth() {
                    let amplitude = self.apply(amplitude, ends(), depth)?.number()?;
                    let phase = self.apply(phase, ends(), depth)?.number()?;
                    self.muscle((from, to), (amplitude, phase))?;
                }
            }
        }
        Some(Value::List(joints.into_iter().map(|(_, joint)| joint).collect()))
    }
}

/// `range` of one to three whole numbers.
fn range(arguments: &[Value]) -> Option<Value> {
    let numbers: Vec<i64> = arguments.iter().map(Value::whole).collect::<Option<_>>()?;
    let (from, to, step) = match numbers.as_slice() {
        [to] => (0, *to, 1),
        [from, to] => (*from, *to, 1),
        [from, to, step] if *step != 0 => (*from, *to, *step),
        _ => return None,
    };
    let mut values = Vec::new();
    let mut at = from;
    while (step > 0 && at < to) || (step < 0 && at > to) {
        if values.len() >= PARTS {
            return None;
        }
        values.push(Value::Int(at));
        at = at.checked_add(step)?;
    }
    Some(Value::List(values))
}

/// A function of numbers.
fn function(name: &str, arguments: &[Value]) -> Option<Value> {
    match (name, arguments) {
        ("sin", [x]) => Some(Value::Float(libm::sin(x.number()?))),
        ("cos", [x]) => Some(Value::Float(libm::cos(x.number()?))),
        ("int", [x]) => Some(Value::Int(x.number().filter(|x| x.abs() < 1e9)? as i64)),
        ("abs", [Value::Int(x)]) => Some(Value::Int(x.checked_abs()?)),
        ("abs", [x]) => Some(Value::Float(x.number()?.abs())),
        ("min" | "max", [first, second]) => {
            let (a, b) = (first.number()?, second.number()?);
            let second_wins = if name == "min" { b < a } else { b > a };
            Some(if second_wins { second.clone() } else { first.clone() })
        }
        _ => None,
    }
}

fn whole(operator: Operator, left: i64, right: i64) -> Option<Value> {
    let value = match operator {
        Operator::Add => left.checked_add(right)?,
        Operator::Subtract => left.checked_sub(right)?,
        Operator::Multiply => left.checked_mul(right)?,
        Operator::FloorDivide => {
            let quotient = left.checked_div(right)?;
            let down = left % right != 0 && (left < 0) != (right < 0);
            quotient - i64::from(down)
        }
        Operator::Modulo => {
            let rest = left.checked_rem(right)?;
            if rest != 0 && (rest < 0) != (right < 0) { rest + right } else { rest }
        }
        Operator::Power if right >= 0 => left.checked_pow(u32::try_from(right).ok()?)?,
        _ => return real(operator, left as f64, right as f64),
    };
    Some(Value::Int(value))
}

fn real(operator: Operator, left: f64, right: f64) -> Option<Value> {
    let floor = |right: f64| (right != 0.0).then(|| (left / right).floor());
    let value = match operator {
        Operator::Add => left + right,
        Operator::Subtract => left - right,
        Operator::Multiply => left * right,
        Operator::Divide => (right != 0.0).then(|| left / right)?,
        Operator::FloorDivide => floor(right)?,
        Operator::Modulo => left - right * floor(right)?,
        Operator::Power => {
            let value = libm::pow(left, right);
            (value.is_finite() && !(left == 0.0 && right < 0.0)).then_some(value)?
        }
        Operator::Less => return Some(Value::Bool(left < right)),
        Operator::LessEqual => return Some(Value::Bool(left <= right)),
        Operator::Greater => return Some(Value::Bool(left > right)),
        Operator::GreaterEqual => return Some(Value::Bool(left >= right)),
        Operator::Equal => return Some(Value::Bool(left == right)),
        Operator::NotEqual => return Some(Value::Bool(left != right)),
        Operator::And | Operator::Or => return None,
    };
    Some(Value::Float(value))
}
