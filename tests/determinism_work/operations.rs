//! Single operations, forward and backward, on numbers from a formula.

use super::Row;
use super::cases;
use pinfold::base::Digest;
use pinfold::nn::{Torch, shim, store};
use tch::{Kind, Tensor};

/// Numbers in -1 ≤ x < 1 from a linear congruential generator: exact, so equal on any processor.
pub fn numbers(seed: u32, shape: &[i64]) -> Torch<Tensor> {
    let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(1);
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / 8_388_608.0 - 1.0
    };
    let values: Vec<f32> = (0..shape.iter().product::<i64>()).map(|_| next()).collect();
    Tensor::f_from_slice(&values)?.f_reshape(shape)
}

/// The same, in channels-last order if it has four dimensions.
pub fn laid_out(seed: u32, shape: &[i64]) -> Torch<Tensor> {
    let x = numbers(seed, shape)?;
    if shape.len() == 4 { store::channels_last(&x) } else { Ok(x) }
}

/// Digest of the numbers of some tensors, rows first.
fn digest(tensors: &[Tensor]) -> String {
    let mut bytes = Vec::new();
    for t in tensors {
        bytes.extend(store::values(t).expect("values").iter().flat_map(|v| v.to_le_bytes()));
    }
    Digest::of(&bytes).to_string()
}

type Forward = Box<dyn Fn(&[Tensor]) -> Torch<Tensor>>;

/// One operation on leaf tensors.
pub struct Case {
    pub name: String,
    pub inputs: Vec<Tensor>,
    pub forward: Forward,
    /// Whether there is a backward pass.
    pub backward: bool,
    /// Multiplications of the forward pass, where there are many: an emulator does some twenty millions a second.
    pub work: i64,
}

/// From so many multiplications on a case is emulated on one processor in turn.
const MUCH: i64 = 3_000_000;

/// An operation with a backward pass to every input.
pub fn differentiable(name: impl Into<String>, inputs: Vec<Tensor>, forward: impl Fn(&[Tensor]) -> Torch<Tensor> + 'static) -> Case {
    Case { name: name.into(), inputs, forward: Box::new(forward), backward: true, work: 0 }
}

/// A calculation without a backward pass.
pub fn plain(name: impl Into<String>, inputs: Vec<Tensor>, forward: impl Fn(&[Tensor]) -> Torch<Tensor> + 'static) -> Case {
    Case { name: name.into(), inputs, forward: Box::new(forward), backward: false, work: 0 }
}

fn run(case: &Case, turn: Option<usize>) -> Torch<Vec<Row>> {
    let inputs: Vec<Tensor> = case.inputs.iter().map(|t| t.f_set_requires_grad(case.backward)).collect::<Torch<_>>()?;
    tch::manual_seed(11);
    let (y, operations) = shim::recorded(|| (case.forward)(&inputs))?;
    let y = y?;
    let row = |result: &str, digest, operations| Row { work: case.name.clone(), result: result.into(), digest, operations, turn };
    let mut rows = vec![row("forward", digest(std::slice::from_ref(&y)), operations)];
    if case.backward {
        // The gradient that enters is this very tensor: multiplication and sum stand outside of what is measured.
        let entering = if y.dim() == 0 { Tensor::from(1.0f32) } else { numbers(99, &y.size())? };
        let loss = y.f_mul(&entering)?.f_sum(Kind::Float)?;
        let (done, operations) = shim::recorded(|| loss.f_backward())?;
        done?;
        for (i, input) in inputs.iter().enumerate() {
            rows.push(row(&format!("gradient {}", i + 1), digest(&[input.grad()]), operations.clone()));
        }
    }
    Ok(rows)
}

/// The rows of every case that is wanted, by turn and name.
pub fn all(wanted: &dyn Fn(Option<usize>, &str) -> bool) -> Vec<Row> {
    tch::set_num_threads(super::trainings::THREADS as i32);
    shim::set_switches(true, false, false).expect("switches");
    // For a person in search of a difference: only the cases with this in their name.
    let only = std::env::var("PINFOLD_DETERMINISM_ONLY").unwrap_or_default();
    let mut turns = 0..;
    let mut rows = Vec::new();
    for case in cases::all().expect("inputs") {
        let turn = if case.work >= MUCH { turns.next() } else { None };
        if case.name.contains(&only) && wanted(turn, &case.name) {
            rows.extend(run(&case, turn).unwrap_or_else(|e| panic!("{}: {e}", case.name)));
        }
    }
    rows
}
