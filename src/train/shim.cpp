// The only C++ of pinfold: the few calls of libtorch that tch does not offer.
//
// Every function is extern "C", catches every exception, and returns 0, or 1 after storing a message that
// `pinfold_last_error` gives. Tensors cross the border as `at::Tensor*`, which is what tch holds.
// The Rust side is src/nn/shim.rs.

#include <ATen/ATen.h>
#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <ATen/ops/_fused_adam.h>
#include <ATen/record_function.h>
#include <torch/csrc/autograd/custom_function.h>

#include <dlfcn.h>
#include <immintrin.h>

#include <cstdint>
#include <set>
#include <string>
#include <vector>

// libgomp's own entry points: libtorch loads it anyway, and our kernel then runs in the same pool of threads.
extern "C" void GOMP_parallel(void (*body)(void*), void* data, unsigned threads, unsigned flags);
extern "C" int omp_get_thread_num(void);
extern "C" int omp_get_num_threads(void);

namespace {

thread_local std::string last_error;

template <typename F>
int guarded(F&& f) noexcept {
  try {
    f();
    return 0;
  } catch (const c10::Error& e) {
    last_error = e.what_without_backtrace();
  } catch (const std::exception& e) {
    last_error = e.what();
  } catch (...) {
    last_error = "an unknown C++ exception";
  }
  return 1;
}

// ---- Depthwise convolution with its own weight gradient -------------------------------------------------
//
// oneDNN has no fast weight gradient for depthwise convolutions on small maps (it falls back to one small
// matrix product a channel): measured, a third of a whole EfficientNet-B0 training step at 64 pixels. The
// gradient is a plain sum, so it is written out here for channels-last tensors. The order of the sum is fixed
// (samples in groups of GROUP, groups added in order; within a group sample, kernel row, output row, output
// column), and products are rounded before they are added (no fused multiply-add, whatever the compiler's flags),
// so the result depends neither on the number of threads nor on the processor.

constexpr int64_t LANES = 16;  // channels a task: one cache line
constexpr int64_t GROUP = 4;   // samples a task

struct Depthwise {
  const float* x;
  const float* g;
  float* partial;  // [groups][blocks][K*K][LANES]
  int64_t n, channels, h, w, oh, ow, stride, pad, kernel, blocks, groups;
};

template <int K>
__attribute__((target("avx2,no-fma"))) void depthwise_task(const Depthwise& d, int64_t task) {
  const int64_t group = task / d.blocks, block = task % d.blocks;
  const int64_t c0 = block * LANES, C = d.channels;
  __m256 total[K][K][2];
  for (int a = 0; a < K; ++a)
    for (int b = 0; b < K; ++b) total[a][b][0] = total[a][b][1] = _mm256_setzero_ps();
  const int64_t last = std::min(d.n, (group + 1) * GROUP);
  for (int64_t n = group * GROUP; n < last; ++n) {
    for (int kh = 0; kh < K; ++kh) {
      __m256 acc[K][2];
      for (int b = 0; b < K; ++b) acc[b][0] = acc[b][1] = _mm256_setzero_ps();
      for (int64_t oh = 0; oh < d.oh; ++oh) {
        const int64_t ih = oh * d.stride - d.pad + kh;
        if (ih < 0 || ih >= d.h) continue;
        const float* xr = d.x + ((n * d.h + ih) * d.w) * C + c0;
        const float* gr = d.g + ((n * d.oh + oh) * d.ow) * C + c0;
        for (int64_t ow = 0; ow < d.ow; ++ow) {
          const __m256 g0 = _mm256_loadu_ps(gr + ow * C), g1 = _mm256_loadu_ps(gr + ow * C + 8);
          const int64_t iw = ow * d.stride - d.pad;
          const float* xp = xr + iw * C;
          if (iw >= 0 && iw + K <= d.w) {
#pragma GCC unroll 5
            for (int b = 0; b < K; ++b) {
              acc[b][0] = _mm256_add_ps(acc[b][0], _mm256_mul_ps(_mm256_loadu_ps(xp + b * C), g0));
              acc[b][1] = _mm256_add_ps(acc[b][1], _mm256_mul_ps(_mm256_loadu_ps(xp + b * C + 8), g1));
            }
          } else {
#pragma GCC unroll 5
            for (int b = 0; b < K; ++b) {
              if (iw + b < 0 || iw + b >= d.w) continue;
              acc[b][0] = _mm256_add_ps(acc[b][0], _mm256_mul_ps(_mm256_loadu_ps(xp + b * C), g0));
              acc[b][1] = _mm256_add_ps(acc[b][1], _mm256_mul_ps(_mm256_loadu_ps(xp + b * C + 8), g1));
            }
          }
        }
      }
      for (int b = 0; b < K; ++b) {
        total[kh][b][0] = _mm256_add_ps(total[kh][b][0], acc[b][0]);
        total[kh][b][1] = _mm256_add_ps(total[kh][b][1], acc[b][1]);
      }
    }
  }
  float* out = d.partial + task * K * K * LANES;
  for (int a = 0; a < K; ++a)
    for (int b = 0; b < K; ++b) {
      _mm256_storeu_ps(out + (a * K + b) * LANES, total[a][b][0]);
      _mm256_storeu_ps(out + (a * K + b) * LANES + 8, total[a][b][1]);
    }
}

void depthwise_thread(void* data) {
  const Depthwise& d = *static_cast<const Depthwise*>(data);
  const int64_t step = omp_get_num_threads();
  for (int64_t task = omp_get_thread_num(); task < d.blocks * d.groups; task += step) {
    d.kernel == 3 ? depthwise_task<3>(d, task) : depthwise_task<5>(d, task);
  }
}

bool own_kernel_fits(const at::Tensor& x, const at::Tensor& w) {
  return x.device().is_cpu() && x.scalar_type() == at::kFloat && w.size(0) == x.size(1) && w.size(1) == 1 && x.size(1) % LANES == 0 &&
         w.size(2) == w.size(3) && (w.size(2) == 3 || w.size(2) == 5) && __builtin_cpu_supports("avx2");
}

at::Tensor depthwise_weight_gradient(const at::Tensor& grad, const at::Tensor& input, const at::Tensor& weight, int64_t stride, int64_t pad) {
  RECORD_FUNCTION("pinfold::depthwise_weight_gradient", c10::ArrayRef<const c10::IValue>{});
  const auto x = input.contiguous(at::MemoryFormat::ChannelsLast);
  const auto g = grad.contiguous(at::MemoryFormat::ChannelsLast);
  Depthwise d{x.const_data_ptr<float>(), g.const_data_ptr<float>(), nullptr, x.size(0), x.size(1), x.size(2), x.size(3), g.size(2), g.size(3),
              stride, pad, weight.size(2), x.size(1) / LANES, (x.size(0) + GROUP - 1) / GROUP};
  const int64_t taps = d.kernel * d.kernel;
  std::vector<float> partial(static_cast<size_t>(d.groups * d.blocks * taps * LANES));
  d.partial = partial.data();
  GOMP_parallel(depthwise_thread, &d, static_cast<unsigned>(at::get_num_threads()), 0);
  // A depthwise weight [C, 1, K, K] has the same bytes in both memory formats.
  auto out = at::empty({d.channels, 1, d.kernel, d.kernel}, weight.options());
  float* o = out.data_ptr<float>();
  for (int64_t block = 0; block < d.blocks; ++block)
    for (int64_t tap = 0; tap < taps; ++tap)
      for (int64_t lane = 0; lane < LANES; ++lane) {
        float sum = 0.0f;
        for (int64_t group = 0; group < d.groups; ++group) sum += partial[((group * d.blocks + block) * taps + tap) * LANES + lane];
        o[(block * LANES + lane) * taps + tap] = sum;
      }
  return at::empty_like(weight).copy_(out);
}

struct DepthwiseConvolution : torch::autograd::Function<DepthwiseConvolution> {
  static at::Tensor forward(torch::autograd::AutogradContext* ctx, const at::Tensor& x, const at::Tensor& w, int64_t stride, int64_t pad) {
    ctx->save_for_backward({x, w});
    ctx->saved_data["stride"] = stride;
    ctx->saved_data["pad"] = pad;
    return at::convolution(x, w, {}, {stride, stride}, {pad, pad}, {1, 1}, false, {0, 0}, x.size(1));
  }
  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* ctx, torch::autograd::variable_list grads) {
    const auto saved = ctx->get_saved_variables();
    const int64_t stride = ctx->saved_data["stride"].toInt(), pad = ctx->saved_data["pad"].toInt();
    const auto& x = saved[0];
    const auto& w = saved[1];
    at::Tensor gx, gw;
    if (ctx->needs_input_grad(0)) {
      gx = std::get<0>(at::convolution_backward(grads[0], x, w, c10::nullopt, {stride, stride}, {pad, pad}, {1, 1}, false, {0, 0}, x.size(1),
                                                {true, false, false}));
    }
    if (ctx->needs_input_grad(1)) gw = depthwise_weight_gradient(grads[0], x, w, stride, pad);
    return {gx, gw, at::Tensor(), at::Tensor()};
  }
};

// ---- Which operations ran --------------------------------------------------------------------------------

thread_local std::set<std::string> operations;
thread_local std::string operations_text;
thread_local at::CallbackHandle recorder = at::INVALID_CALLBACK_HANDLE;

std::unique_ptr<at::ObserverContext> note_operation(const at::RecordFunction& f) {
  operations.insert(f.name());
  return nullptr;
}

}  // namespace

extern "C" {

struct PinfoldSwitches {
  int32_t threads;
  int32_t deterministic;
  int32_t cudnn_deterministic;
  int32_t cudnn_benchmark;
  int32_t tf32_cudnn;
  int32_t tf32_cublas;
};

const char* pinfold_last_error() { return last_error.c_str(); }

int pinfold_set_switches(int deterministic, int cudnn_benchmark, int tf32) {
  return guarded([&] {
    auto& context = at::globalContext();
    context.setDeterministicAlgorithms(deterministic != 0, /*warn_only=*/false);
    // Filling fresh memory guards against kernels that read what they did not write; it costs bandwidth and
    // changes no result of a sound kernel.
    context.setDeterministicFillUninitializedMemory(false);
    context.setDeterministicCuDNN(deterministic != 0);
    context.setBenchmarkCuDNN(cudnn_benchmark != 0);
    context.setAllowTF32CuDNN(tf32 != 0);
    context.setAllowTF32CuBLAS(tf32 != 0);
  });
}

int pinfold_read_switches(PinfoldSwitches* out) {
  return guarded([&] {
    auto& context = at::globalContext();
    out->threads = at::get_num_threads();
    out->deterministic = context.deterministicAlgorithms();
    out->cudnn_deterministic = context.deterministicCuDNN();
    out->cudnn_benchmark = context.benchmarkCuDNN();
    out->tf32_cudnn = context.allowTF32CuDNN();
    out->tf32_cublas = context.allowTF32CuBLAS();
  });
}

// The instruction set that ATen's own kernels use, after ATEN_CPU_CAPABILITY: "AVX2", "AVX512", "DEFAULT".
const char* pinfold_cpu_capability() {
  thread_local std::string text;
  const int failed = guarded([&] { text = at::get_cpu_capability(); });
  return failed ? "" : text.c_str();
}

// The branch of MKL's conditional numerical reproducibility that is really on (3 is COMPATIBLE), or -1 where this
// libtorch does not say.
int pinfold_mkl_branch() {
  using Get = int (*)(int);
  static const auto get = reinterpret_cast<Get>(dlsym(RTLD_DEFAULT, "mkl_serv_cbwr_get"));
  return get ? get(/*MKL_CBWR_BRANCH*/ 1) : -1;
}

// Loads a shared library for everybody in this process, now. A null return means success.
const char* pinfold_load_library(const char* path) {
  if (dlopen(path, RTLD_NOW | RTLD_GLOBAL) != nullptr) return nullptr;
  const char* why = dlerror();
  last_error = why ? why : "dlopen failed without a reason";
  return last_error.c_str();
}

// One step of Adam over all parameters that have a gradient, in place, through libtorch's fused kernel.
// `step` counts from 1. Weight decay is L2, added to the gradient, as torch.optim.Adam does.
int pinfold_fused_adam(at::Tensor** parameters, at::Tensor** first, at::Tensor** second, int64_t count, int64_t step, double rate, double beta1,
                       double beta2, double epsilon, double weight_decay) {
  return guarded([&] {
    at::NoGradGuard guard;
    std::vector<at::Tensor> ps, gs, ms, vs, steps;
    for (int64_t i = 0; i < count; ++i) {
      const at::Tensor& p = *parameters[i];
      const at::Tensor& g = p.grad();
      if (!g.defined()) continue;
      // The kernel walks raw memory, so gradient and moments must lie as the parameter does.
      at::Tensor grad = g.strides() == p.strides() ? g : at::empty_like(p).copy_(g);
      TORCH_CHECK(first[i]->strides() == p.strides() && second[i]->strides() == p.strides(), "a moment of Adam does not lie as its parameter");
      ps.push_back(p);
      gs.push_back(std::move(grad));
      ms.push_back(*first[i]);
      vs.push_back(*second[i]);
    }
    if (ps.empty()) return;
    const auto count_tensor = at::full({}, static_cast<double>(step), ps[0].options().dtype(at::kFloat));
    steps.assign(ps.size(), count_tensor);
    at::_fused_adam_(ps, gs, ms, vs, {}, steps, rate, beta1, beta2, weight_decay, epsilon, /*amsgrad=*/false, /*maximize=*/false);
  });
}

// Forgets gradients, so that the next backward pass stores new ones without an addition.
int pinfold_clear_gradients(at::Tensor** parameters, int64_t count) {
  return guarded([&] {
    for (int64_t i = 0; i < count; ++i) parameters[i]->mutable_grad() = at::Tensor();
  });
}

// Depthwise convolution without bias, same padding on all sides. `out` receives a new tensor, owned by the caller.
int pinfold_depthwise(at::Tensor* x, at::Tensor* w, int64_t stride, int64_t pad, at::Tensor** out) {
  return guarded([&] {
    at::Tensor y = own_kernel_fits(*x, *w) ? DepthwiseConvolution::apply(*x, *w, stride, pad)
                                           : at::convolution(*x, *w, {}, {stride, stride}, {pad, pad}, {1, 1}, false, {0, 0}, x->size(1));
    *out = new at::Tensor(std::move(y));
  });
}

// Notes, from here on, the name of every operation that this thread starts. A backward pass on the processor runs
// on the thread that asks for it.
int pinfold_record_start() {
  return guarded([&] {
    TORCH_CHECK(recorder == at::INVALID_CALLBACK_HANDLE, "operations are being recorded already");
    operations.clear();
    recorder = at::addThreadLocalCallback(at::RecordFunctionCallback(note_operation).scopes({at::RecordScope::FUNCTION}));
  });
}

// Ends it; `names` receives the sorted names, a line each, in this thread's storage.
int pinfold_record_stop(const char** names) {
  return guarded([&] {
    if (recorder != at::INVALID_CALLBACK_HANDLE) at::removeCallback(recorder);
    recorder = at::INVALID_CALLBACK_HANDLE;
    operations_text.clear();
    for (const auto& name : operations) operations_text += name + "\n";
    *names = operations_text.c_str();
  });
}

}  // extern "C"
