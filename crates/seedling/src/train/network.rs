//! The network forward and backward: the loss of some documents and its gradient.
//!
//! The architecture is Llama's (Touvron et al. 2023, arXiv 2302.13971): RMSNorm before each part, rotary positions
//! (Su et al. 2021, arXiv 2104.09864), grouped-query attention (Ainslie et al. 2023, arXiv 2305.13245), SwiGLU, and the
//! embedding as output matrix. Documents lie one after the other without padding; attention sees its own document only.
//!
//! Everything is generic over [`Real`], so that the tests compare the gradients with finite differences in f64.

use crate::{
    ModelConfig,
    kernel::{Packed, Real, Scratch, View, Write, add, dot, multiply, multiply_packed, rms_norm},
    rope::Rotary,
};

use super::{
    attention,
    layout::Layout,
    sequence::{Part, Sequence},
};

/// Rows of logits that are held at once.
const LOGIT_ROWS: usize = 128;

/// A linear map packed for both directions.
#[derive(Debug, Clone)]
struct Linear<T> {
    /// inputs x outputs.
    forward: Packed<T>,
    /// outputs x inputs.
    backward: Packed<T>,
}

impl<T: Real> Linear<T> {
    fn new(weights: &[T], outputs: usize, inputs: usize) -> Self {
        let view = View::rows(weights, outputs, inputs, inputs);
        Self { forward: Packed::new(view.transposed()), backward: Packed::new(view) }
    }
}

#[derive(Debug, Clone)]
struct Layer<T> {
    qkv: Linear<T>,
    o: Linear<T>,
    gate_up: Linear<T>,
    down: Linear<T>,
}

/// Parameters, ready for products; made anew after every step of the optimiser.
#[derive(Debug)]
pub struct Network<'a, T> {
    config: &'a ModelConfig,
    layout: &'a Layout,
    parameters: &'a [T],
    layers: Vec<Layer<T>>,
    head: Linear<T>,
    rotary: &'a Rotary<T>,
}

/// A loss: the sum over targets, and of their weights.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Loss {
    /// Sum of weight x cross-entropy, in nats.
    pub sum: f64,
    /// Sum of weights.
    pub weight: f64,
}

/// What a layer's backward pass needs of its forward pass.
struct Tape<T> {
    input: Vec<T>,
    normed: Vec<T>,
    factors: Vec<T>,
    qkv: Vec<T>,
    probabilities: Vec<Vec<T>>,
    attended: Vec<T>,
    middle: Vec<T>,
    middle_normed: Vec<T>,
    middle_factors: Vec<T>,
    gate_up: Vec<T>,
    product: Vec<T>,
}

impl<T: Real> Tape<T> {
    fn give(self, work: &mut Workspace<T>) {
        work.give(self.probabilities);
        work.give([self.input, self.normed, self.factors, self.qkv, self.attended, self.middle]);
        work.give([self.middle_normed, self.middle_factors, self.gate_up, self.product]);
    }
}

/// Memory that passes reuse: giving it back to the system and asking for it again would take a third of the time.
///
/// Lists are kept by the power of two that their capacity reaches; if any list served any length, all of them would
/// grow to the longest.
#[derive(Debug)]
pub struct Workspace<T> {
    scratch: Scratch<T>,
    left: Vec<T>,
    free: [Vec<Vec<T>>; usize::BITS as usize],
}

impl<T: Real> Default for Workspace<T> {
    fn default() -> Self {
        Self { scratch: Scratch::default(), left: Vec::new(), free: std::array::from_fn(|_| Vec::new()) }
    }
}

impl<T: Real> Workspace<T> {
    /// The power of two that a list of this length needs.
    fn class(len: usize) -> usize {
        len.max(1).next_power_of_two().ilog2() as usize
    }

    /// A list of this length that holds anything.
    fn take(&mut self, len: usize) -> Vec<T> {
        let class = Self::class(len);
        let mut list = self.free[class].pop().unwrap_or_else(|| Vec::with_capacity(1 << class));
        list.resize(len, T::ZERO);
        list
    }

    /// A list of zeros.
    fn zeros(&mut self, len: usize) -> Vec<T> {
        let mut list = self.take(len);
        list.fill(T::ZERO);
        list
    }

    /// A list that holds these numbers and then those.
    fn joined(&mut self, first: &[T], then: &[T]) -> Vec<T> {
        let mut list = self.take(first.len() + then.len());
        list[..first.len()].copy_from_slice(first);
        list[first.len()..].copy_from_slice(then);
        list
    }

    fn give(&mut self, lists: impl IntoIterator<Item = Vec<T>>) {
        for list in lists {
            // Rounded down: what lies in a class has at least its size.
            if let Some(class) = list.capacity().checked_ilog2() {
                self.free[class as usize].push(list);
            }
        }
    }
}

/// The documents of one pass.
struct Pass<'a, T> {
    documents: &'a [Sequence],
    rows: usize,
    work: &'a mut Workspace<T>,
}

impl<'a, T: Real> Network<'a, T> {
    /// Packs the parameters.
    pub fn new(
        config: &'a ModelConfig,
        layout: &'a Layout,
        parameters: &'a [T],
        rotary: &'a Rotary<T>,
    ) -> Self {
        let (hidden, ffn) = (config.hidden_size, config.intermediate_size);
        let (q, kv) = (config.heads * config.head_dim, config.kv_heads * config.head_dim);
        let layers = layout
            .layers
            .iter()
            .map(|at| Layer {
                qkv: Linear::new(&parameters[at.qkv.clone()], q + 2 * kv, hidden),
                o: Linear::new(&parameters[at.o.clone()], hidden, q),
                gate_up: Linear::new(&parameters[at.gate_up.clone()], 2 * ffn, hidden),
                down: Linear::new(&parameters[at.down.clone()], hidden, ffn),
            })
            .collect();
        let head = Linear::new(&parameters[layout.embedding.clone()], config.vocab_size, hidden);
        Self { config, layout, parameters, layers, head, rotary }
    }

    /// The loss of documents; with `gradient` (as long as the parameters) the gradient of the loss's sum is added to it.
    ///
    /// # Panics
    /// If a token or a position is out of range; documents are checked when they are made.
    pub fn loss(&self, documents: &[Sequence], gradient: Option<&mut [T]>, work: &mut Workspace<T>) -> Loss {
        let rows = documents.iter().map(|document| document.tokens.len()).sum();
        let mut pass = Pass { documents, rows, work };
        let hidden = self.config.hidden_size;
        let embedding = &self.parameters[self.layout.embedding.clone()];
        let mut x = pass.work.take(rows * hidden);
        for (token, x) in
            documents.iter().flat_map(|document| &document.tokens).zip(x.chunks_exact_mut(hidden))
        {
            let at = *token as usize * hidden;
            x.copy_from_slice(&embedding[at..at + hidden]);
        }
        let mut tapes = Vec::with_capacity(self.layers.len());
        for layer in 0..self.layers.len() {
            let tape = self.layer_forward(layer, &mut x, &mut pass);
            match gradient {
                Some(_) => tapes.push(tape),
                None => tape.give(pass.work),
            }
        }
        let Some(gradient) = gradient else {
            let loss = self.output(&x, &mut pass, None).0;
            pass.work.give([x]);
            return loss;
        };
        let (loss, mut dx) = self.output(&x, &mut pass, Some(gradient));
        for (layer, tape) in tapes.into_iter().enumerate().rev() {
            self.layer_backward(layer, &tape, &mut dx, &mut pass, gradient);
            tape.give(pass.work);
        }
        let d_embedding = &mut gradient[self.layout.embedding.clone()];
        for (token, dx) in documents.iter().flat_map(|document| &document.tokens).zip(dx.chunks_exact(hidden))
        {
            let at = *token as usize * hidden;
            add(&mut d_embedding[at..at + hidden], dx);
        }
        pass.work.give([x, dx]);
        loss
    }

    fn layer_forward(&self, layer: usize, x: &mut [T], pass: &mut Pass<'_, T>) -> Tape<T> {
        let (config, at, rows) = (self.config, &self.layout.layers[layer], pass.rows);
        let maps = &self.layers[layer];
        let ffn = config.intermediate_size;
        let input = pass.work.joined(x, &[]);
        let (normed, factors) = self.norm(x, &self.parameters[at.attention_norm.clone()], pass.work);
        let mut qkv = forward(&normed, &maps.qkv, rows, pass.work);
        let (attended, probabilities) = self.attention_forward(&mut qkv, pass);
        let out = forward(&attended, &maps.o, rows, pass.work);
        add(x, &out);
        let middle = pass.work.joined(x, &[]);
        let (middle_normed, middle_factors) = self.norm(x, &self.parameters[at.ffn_norm.clone()], pass.work);
        let gate_up = forward(&middle_normed, &maps.gate_up, rows, pass.work);
        let mut product = pass.work.take(rows * ffn);
        for (product, gate_up) in product.chunks_exact_mut(ffn).zip(gate_up.chunks_exact(2 * ffn)) {
            let (gate, up) = gate_up.split_at(ffn);
            T::silu_times(gate, up, product);
        }
        let down = forward(&product, &maps.down, rows, pass.work);
        add(x, &down);
        pass.work.give([out, down]);
        Tape {
            input,
            normed,
            factors,
            qkv,
            probabilities,
            attended,
            middle,
            middle_normed,
            middle_factors,
            gate_up,
            product,
        }
    }

    /// Rotates q and k, and attends; every part to its trunk and itself.
    fn attention_forward(&self, qkv: &mut [T], pass: &mut Pass<'_, T>) -> (Vec<T>, Vec<Vec<T>>) {
        let shape = attention::Shape::new(self.config);
        let (width, out_width) = (shape.width(), shape.query_width());
        let mut attended = pass.work.take(pass.rows * out_width);
        let mut probabilities = Vec::with_capacity(pass.documents.len());
        let mut first = 0;
        for document in pass.documents {
            for part in document.parts() {
                let own = first + part.own.start..first + part.own.end;
                let rows = &mut qkv[own.start * width..own.end * width];
                attention::rotate(self.rotary, rows, &shape, part.trunk, T::ONE);
                let seen = seen(qkv, &part, first, width, pass.work);
                let mut p = pass.work.take(shape.heads() * own.len() * (part.trunk + own.len()));
                let out = &mut attended[own.start * out_width..own.end * out_width];
                attention::forward(&seen, part.trunk, &shape, out, &mut p, &mut pass.work.scratch);
                pass.work.give([seen]);
                probabilities.push(p);
            }
            first += document.tokens.len();
        }
        (attended, probabilities)
    }

    /// Takes the gradient of a layer's output and leaves that of its input in `dx`.
    fn layer_backward(
        &self,
        layer: usize,
        tape: &Tape<T>,
        dx: &mut [T],
        pass: &mut Pass<'_, T>,
        gradient: &mut [T],
    ) {
        let (at, maps, rows) = (&self.layout.layers[layer], &self.layers[layer], pass.rows);
        let ffn = self.config.intermediate_size;
        let mut d_product =
            backward(dx, &tape.product, &maps.down, &mut gradient[at.down.clone()], rows, pass.work);
        let mut d_gate_up = pass.work.take(rows * 2 * ffn);
        for ((d, d_product), gate_up) in d_gate_up
            .chunks_exact_mut(2 * ffn)
            .zip(d_product.chunks_exact_mut(ffn))
            .zip(tape.gate_up.chunks_exact(2 * ffn))
        {
            T::silu_times_backward(gate_up, d_product, d);
        }
        let d_gradient = &mut gradient[at.gate_up.clone()];
        let d_normed = backward(&d_gate_up, &tape.middle_normed, &maps.gate_up, d_gradient, rows, pass.work);
        self.norm_backward(&tape.middle, &tape.middle_factors, at.ffn_norm.clone(), &d_normed, dx, gradient);
        pass.work.give([d_product, d_gate_up, d_normed]);
        let d_attended = backward(dx, &tape.attended, &maps.o, &mut gradient[at.o.clone()], rows, pass.work);
        let d_qkv = self.attention_backward(tape, &d_attended, pass);
        let d_normed =
            backward(&d_qkv, &tape.normed, &maps.qkv, &mut gradient[at.qkv.clone()], rows, pass.work);
        self.norm_backward(&tape.input, &tape.factors, at.attention_norm.clone(), &d_normed, dx, gradient);
        pass.work.give([d_attended, d_qkv, d_normed]);
    }

    fn attention_backward(&self, tape: &Tape<T>, d_attended: &[T], pass: &mut Pass<'_, T>) -> Vec<T> {
        let shape = attention::Shape::new(self.config);
        let (width, out_width) = (shape.width(), shape.query_width());
        let mut d_qkv = pass.work.zeros(tape.qkv.len());
        let mut probabilities = tape.probabilities.iter();
        let mut first = 0;
        for document in pass.documents {
            for part in document.parts() {
                let Some(probabilities) = probabilities.next() else { break };
                let own = first + part.own.start..first + part.own.end;
                let seen = seen(&tape.qkv, &part, first, width, pass.work);
                let mut d = pass.work.zeros(seen.len());
                let d_out = &d_attended[own.start * out_width..own.end * out_width];
                attention::backward(
                    &seen,
                    probabilities,
                    part.trunk,
                    &shape,
                    d_out,
                    &mut d,
                    &mut pass.work.scratch,
                );
                let (d_trunk, d_own) = d.split_at(part.trunk * width);
                add(&mut d_qkv[first * width..(first + part.trunk) * width], d_trunk);
                add(&mut d_qkv[own.start * width..own.end * width], d_own);
                pass.work.give([seen, d]);
            }
            // Only now is the gradient of a trunk's keys complete.
            for part in document.parts() {
                let own = (first + part.own.start) * width..(first + part.own.end) * width;
                attention::rotate(self.rotary, &mut d_qkv[own], &shape, part.trunk, -T::ONE);
            }
            first += document.tokens.len();
        }
        d_qkv
    }

    /// The last norm, the logits and the loss; with a gradient also the gradient of the last layer's output.
    fn output(&self, x: &[T], pass: &mut Pass<'_, T>, gradient: Option<&mut [T]>) -> (Loss, Vec<T>) {
        let hidden = self.config.hidden_size;
        let gain = &self.parameters[self.layout.final_norm.clone()];
        let asked = asked_rows(pass.documents);
        let mut loss = Loss::default();
        let mut dx = pass.work.zeros(if gradient.is_some() { x.len() } else { 0 });
        let mut gradient = gradient;
        for asked in asked.chunks(LOGIT_ROWS) {
            let rows = asked.len();
            let mut input = pass.work.take(rows * hidden);
            for ((row, _), input) in asked.iter().zip(input.chunks_exact_mut(hidden)) {
                input.copy_from_slice(&x[row * hidden..(row + 1) * hidden]);
            }
            let (normed, factors) = self.norm(&input, gain, pass.work);
            let mut logits = forward(&normed, &self.head, rows, pass.work);
            for ((_, targets), logits) in asked.iter().zip(logits.chunks_exact_mut(self.config.vocab_size)) {
                let row = cross_entropy(logits, targets);
                loss.sum += row.sum;
                loss.weight += row.weight;
            }
            if let Some(gradient) = &mut gradient {
                let d_head = &mut gradient[self.layout.embedding.clone()];
                let d_normed = backward(&logits, &normed, &self.head, d_head, rows, pass.work);
                let mut d_input = pass.work.zeros(rows * hidden);
                let norm = self.layout.final_norm.clone();
                self.norm_backward(&input, &factors, norm, &d_normed, &mut d_input, gradient);
                for ((row, _), d) in asked.iter().zip(d_input.chunks_exact(hidden)) {
                    add(&mut dx[row * hidden..(row + 1) * hidden], d);
                }
                pass.work.give([d_normed, d_input]);
            }
            pass.work.give([input, normed, factors, logits]);
        }
        (loss, dx)
    }

    fn norm(&self, x: &[T], gain: &[T], work: &mut Workspace<T>) -> (Vec<T>, Vec<T>) {
        let hidden = self.config.hidden_size;
        let mut normed = work.take(x.len());
        let mut factors = work.take(x.len() / hidden);
        for ((x, normed), factor) in
            x.chunks_exact(hidden).zip(normed.chunks_exact_mut(hidden)).zip(&mut factors)
        {
            *factor = rms_norm(x, gain, self.config.rms_eps, normed);
        }
        (normed, factors)
    }

    /// Adds the gradient through a norm to `dx`, and that of its gain to the gradient.
    fn norm_backward(
        &self,
        x: &[T],
        factors: &[T],
        gain: std::ops::Range<usize>,
        d_normed: &[T],
        dx: &mut [T],
        gradient: &mut [T],
    ) {
        let hidden = self.config.hidden_size;
        let d_gain = &mut gradient[gain.clone()];
        let gain = &self.parameters[gain];
        let width = T::from_f64(hidden as f64);
        let mut scaled = vec![T::ZERO; hidden];
        for (((x, factor), d_normed), dx) in x
            .chunks_exact(hidden)
            .zip(factors)
            .zip(d_normed.chunks_exact(hidden))
            .zip(dx.chunks_exact_mut(hidden))
        {
            for (((scaled, d_gain), (d, gain)), x) in
                scaled.iter_mut().zip(d_gain.iter_mut()).zip(d_normed.iter().zip(gain)).zip(x)
            {
                *scaled = *d * *gain;
                *d_gain += *d * *x * *factor;
            }
            let share = dot(&scaled, x) * *factor * *factor * *factor / width;
            for ((dx, scaled), x) in dx.iter_mut().zip(&scaled).zip(x) {
                *dx += *scaled * *factor - *x * share;
            }
        }
    }
}

/// The rows that a part sees, together: its trunk's and its own.
fn seen<T: Real>(qkv: &[T], part: &Part, first: usize, width: usize, work: &mut Workspace<T>) -> Vec<T> {
    let own = (first + part.own.start) * width..(first + part.own.end) * width;
    work.joined(&qkv[first * width..(first + part.trunk) * width], &qkv[own])
}

/// The rows that have targets, with (token, weight) of each.
fn asked_rows(documents: &[Sequence]) -> Vec<(usize, Vec<(usize, f64)>)> {
    let mut asked: Vec<(usize, Vec<(usize, f64)>)> = Vec::new();
    let mut first = 0;
    for document in documents {
        for target in document.targets.iter().filter(|target| target.weight != 0.0) {
            let row = first + target.position;
            let entry = (target.token as usize, f64::from(target.weight));
            match asked.last_mut() {
                Some((last, targets)) if *last == row => targets.push(entry),
                _ => asked.push((row, vec![entry])),
            }
        }
        first += document.tokens.len();
    }
    asked
}

/// The loss of one row; leaves the loss's gradient in the place of the logits.
fn cross_entropy<T: Real>(logits: &mut [T], targets: &[(usize, f64)]) -> Loss {
    let top = logits.iter().copied().fold(logits[0], |a, b| if b > a { b } else { a });
    let mut loss = Loss::default();
    let mut chosen = 0.0;
    for (token, weight) in targets {
        chosen += weight * (logits[*token] - top).to_f64();
        loss.weight += weight;
    }
    let sum = T::exp_shifted(logits, top, T::ONE);
    loss.sum = loss.weight * libm::log(sum.to_f64()) - chosen;
    let scale = T::from_f64(loss.weight) / sum;
    for x in logits.iter_mut() {
        *x *= scale;
    }
    for (token, weight) in targets {
        logits[*token] += -T::from_f64(*weight);
    }
    loss
}

fn forward<T: Real>(x: &[T], map: &Linear<T>, rows: usize, work: &mut Workspace<T>) -> Vec<T> {
    let (inputs, outputs) = (map.forward.inner(), map.forward.columns());
    let mut y = work.take(rows * outputs);
    let x = View::rows(x, rows, inputs, inputs);
    multiply_packed(x, &map.forward, &mut y, outputs, Write::Set, &mut work.left);
    y
}

/// The gradient of a linear map's input; adds that of its weights.
fn backward<T: Real>(
    dy: &[T],
    x: &[T],
    map: &Linear<T>,
    d_weights: &mut [T],
    rows: usize,
    work: &mut Workspace<T>,
) -> Vec<T> {
    let (outputs, inputs) = (map.backward.inner(), map.backward.columns());
    let dy = View::rows(dy, rows, outputs, outputs);
    let x = View::rows(x, rows, inputs, inputs);
    multiply(dy.transposed(), x, d_weights, inputs, Write::Add, &mut work.scratch);
    let mut dx = work.take(rows * inputs);
    multiply_packed(dy, &map.backward, &mut dx, inputs, Write::Set, &mut work.left);
    dx
}
