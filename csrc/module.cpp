// The Python module engine._C. Only this file and module_mlp.cpp know Python. Loading it registers the ops.
#include <torch/csrc/utils/pybind.h>

#include "build.h"
#include "cpu/kernels.h"
#include "linear_act.h"

namespace py = pybind11;

void bind_mlp(py::module_& m);  // module_mlp.cpp

PYBIND11_MODULE(_C, m) {
  m.doc() = "nnplay's compiled kernels; use them through engine.ops.";
  m.attr("built_with_torch") = nnplay::build::torch_version;
  m.attr("has_cuda") = nnplay::build::has_cuda;
  m.attr("cuda") = nnplay::build::cuda;
  m.attr("cpu_instruction_set") = nnplay::cpu::instruction_set().name;
  py::dict saves;
#define NNPLAY_ENTRY(Type)                                                               \
  saves[nnplay::Type::name] = nnplay::Type::saves == nnplay::Saves::nothing  ? "nothing" \
                              : nnplay::Type::saves == nnplay::Saves::output ? "output"  \
                                                                             : "preactivation";
  NNPLAY_ACTIVATIONS(NNPLAY_ENTRY)
#undef NNPLAY_ENTRY
  m.attr("activations") = saves;  // name -> what the forward saves, in the order of the list
  m.def(
      "linear_act",
      [](const at::Tensor& input, const at::Tensor& weight, const std::optional<at::Tensor>& bias,
         const py::str& activation) {
        Py_ssize_t length = 0;
        const char* name = PyUnicode_AsUTF8AndSize(activation.ptr(), &length);
        if (!name) throw py::error_already_set();
        py::gil_scoped_release other_threads_go_on;
        return nnplay::linear_act(input, weight, bias, {name, size_t(length)});
      },
      py::arg("input"), py::arg("weight"), py::arg("bias").none(true), py::arg("activation"));
  bind_mlp(m);
}
