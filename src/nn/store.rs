//! A network's tensors in registration order, and their way into and out of safetensors files.
//!
//! tch's own `VarStore` keeps a hash map, so its files differ from run to run; ours are equal byte for byte.

use super::freeze::Frozen;
use super::{Doing, Torch};
use crate::base::arrays::{Arrays, ArraysWriter, Kind as Stored};
use crate::base::{Failure, Result};
use std::path::Path;
use tch::{Device, Kind, Tensor, no_grad};

/// One named tensor.
pub struct Entry {
    /// torchvision's name, with dots.
    pub name: String,
    /// The tensor; layers hold other handles of the same one.
    pub tensor: Tensor,
    /// A parameter that learns.
    pub trainable: bool,
    /// No parameter: running statistics.
    pub buffer: bool,
}

/// All tensors of a network, in registration order (that of PyTorch's `state_dict`, without `num_batches_tracked`).
#[derive(Default)]
pub struct Store {
    entries: Vec<Entry>,
    prefix: String,
    frozen: Frozen,
}

impl Store {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty one in which parameters of some names do not learn.
    pub fn freezing(frozen: Frozen) -> Self {
        Self { frozen, ..Self::default() }
    }

    /// Whether the normalisation with the weight of that name (without prefix) keeps its running statistics as they are.
    pub fn fixes_norm(&self, weight: &str) -> bool {
        self.frozen.fixes_norm(weight)
    }

    /// Runs `build` with `prefix` put before every name it registers.
    pub fn under<T>(&mut self, prefix: &str, build: impl FnOnce(&mut Self) -> Torch<T>) -> Torch<T> {
        let before = self.prefix.len();
        self.prefix.push_str(prefix);
        let out = build(self);
        self.prefix.truncate(before);
        out
    }

    /// Registers a parameter and gives a handle of it.
    pub fn parameter(&mut self, name: &str, tensor: Tensor) -> Tensor {
        let trainable = !self.frozen.covers(name);
        self.add(name, tensor, trainable, false)
    }

    /// Registers a buffer and gives a handle of it.
    pub fn buffer(&mut self, name: &str, tensor: Tensor) -> Tensor {
        self.add(name, tensor, false, true)
    }

    fn add(&mut self, name: &str, tensor: Tensor, trainable: bool, buffer: bool) -> Tensor {
        let handle = tensor.shallow_clone();
        self.entries.push(Entry { name: format!("{}{name}", self.prefix), tensor, trainable, buffer });
        handle
    }

    /// Registers handles of all tensors of another store, with `prefix` before their names; what is frozen there is here.
    pub fn adopt(&mut self, prefix: &str, other: &Self) {
        for Entry { name, tensor, trainable, buffer } in &other.entries {
            let name = format!("{}{prefix}{name}", self.prefix);
            self.entries.push(Entry { name, tensor: tensor.shallow_clone(), trainable: *trainable, buffer: *buffer });
        }
    }

    /// The tensors, in order.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Handles of the parameters that learn, in order.
    pub fn parameters(&self) -> Vec<Tensor> {
        self.entries.iter().filter(|e| e.trainable).map(|e| e.tensor.shallow_clone()).collect()
    }

    /// Numbers in all parameters, frozen or not: the size of what is deployed.
    pub fn parameter_count(&self) -> usize {
        self.entries.iter().filter(|e| !e.buffer).map(|e| e.tensor.numel()).sum()
    }

    /// Numbers in the parameters that learn.
    pub fn learning_count(&self) -> usize {
        self.entries.iter().filter(|e| e.trainable).map(|e| e.tensor.numel()).sum()
    }

    /// Moves everything to a device and element type, puts convolution weights into channels-last order (on the
    /// processor a third faster than the default for these networks), and turns gradients on. Call once, after building.
    pub fn settle(&mut self, device: Device, kind: Kind) -> Torch<()> {
        for entry in &mut self.entries {
            let tensor = entry.tensor.f_to_device(device)?.f_to_kind(kind)?;
            let tensor = if tensor.dim() == 4 { channels_last(&tensor)? } else { tensor };
            entry.tensor.f_set_data(&tensor)?;
            if entry.trainable {
                let _ = entry.tensor.f_set_requires_grad(true)?;
            }
        }
        Ok(())
    }

    /// Adds every tensor to a file in the making, as `<prefix><name>`, in single precision and default order.
    pub fn write_into(&self, out: &mut ArraysWriter, prefix: &str) -> Result<()> {
        for Entry { name, tensor, .. } in &self.entries {
            write_tensor(out, &format!("{prefix}{name}"), tensor)?;
        }
        Ok(())
    }

    /// The whole network as a file of its own.
    pub fn write(&self, path: &Path) -> Result<crate::base::Digest> {
        let mut out = ArraysWriter::new();
        self.write_into(&mut out, "")?;
        out.write(path)
    }

    /// Copies values in from a file in which tensor `name` is called `<prefix><name>`.
    ///
    /// Names in the file that `ignored` accepts (given without the prefix), names outside the prefix when there is one,
    /// and `num_batches_tracked` may be there or not. Everything else must match: missing, surplus and mis-shaped
    /// arrays are an error that names them.
    pub fn read_from(&self, file: &Arrays, prefix: &str, ignored: impl Fn(&str) -> bool) -> Result<()> {
        let mut wrong = Vec::new();
        for Entry { name, tensor, .. } in &self.entries {
            let shape: Vec<usize> = tensor.size().iter().map(|&n| n as usize).collect();
            match file.entries().get(&format!("{prefix}{name}")) {
                None => wrong.push(format!("missing: {prefix}{name}")),
                Some(e) if e.shape != shape => wrong.push(format!("of shape {:?} where {shape:?} is due: {prefix}{name}", e.shape)),
                Some(e) if e.kind != Stored::F32 => wrong.push(format!("not in single precision: {prefix}{name}")),
                Some(_) => {}
            }
        }
        for found in file.entries().keys() {
            let Some(name) = found.strip_prefix(prefix) else { continue };
            if !self.entries.iter().any(|e| e.name == name) && !name.ends_with("num_batches_tracked") && !ignored(name) {
                wrong.push(format!("not of this network: {found}"));
            }
        }
        if !wrong.is_empty() {
            let shown = wrong.iter().take(5).cloned().collect::<Vec<_>>().join("; ");
            let rest = if wrong.len() > 5 { format!("; and {} more", wrong.len() - 5) } else { String::new() };
            return Err(Failure::input(format!("these weights do not fit the network: {shown}{rest}"))
                .hint("use weights of this very architecture, with torchvision's names"));
        }
        for Entry { name, tensor, .. } in &self.entries {
            read_tensor(file, &format!("{prefix}{name}"), tensor)?;
        }
        Ok(())
    }
}

/// Adds one tensor to a file in the making, in single precision, rows first, whatever its order in memory.
pub fn write_tensor(out: &mut ArraysWriter, name: &str, tensor: &Tensor) -> Result<()> {
    let shape: Vec<usize> = tensor.size().iter().map(|&n| n as usize).collect();
    out.f32s(name, &shape, &values(tensor)?);
    Ok(())
}

/// Copies an array of a file into an existing tensor of the same shape.
pub fn read_tensor(file: &Arrays, name: &str, tensor: &Tensor) -> Result<()> {
    let data = file.f32s(name)?;
    if data.len() != tensor.numel() {
        return Err(Failure::input(format!("array '{name}' holds {} numbers where {} are due", data.len(), tensor.numel())));
    }
    let loaded = Tensor::f_from_slice(&data).and_then(|t| t.f_reshape(tensor.size()));
    no_grad(|| loaded.and_then(|t| tensor.shallow_clone().f_copy_(&t))).torch("copy weights")
}

/// A tensor's numbers in single precision, rows first, whatever its device and order in memory.
pub fn values(tensor: &Tensor) -> Result<Vec<f32>> {
    let mut data = vec![0f32; tensor.numel()];
    let plain = || tensor.f_detach()?.f_to_device(Device::Cpu)?.f_to_kind(Kind::Float)?.f_contiguous();
    plain().and_then(|t| t.f_copy_data(&mut data, t.numel())).torch("copy a tensor's numbers")?;
    Ok(data)
}

/// The same [A, B, C, D] numbers laid out in memory with B fastest.
pub fn channels_last(tensor: &Tensor) -> Torch<Tensor> {
    tensor.f_permute([0, 2, 3, 1])?.f_contiguous()?.f_permute([0, 3, 1, 2])
}
