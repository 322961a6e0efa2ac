"""The library behind nnplay: experiments, training, kernels. It knows no screen."""
