# The kernel tests under AddressSanitizer and UndefinedBehaviorSanitizer, in a build of their own.
SANITIZE := -fsanitize=address,undefined
SANITIZED := build/sanitized

.PHONY: sanitize
sanitize:
	mkdir -p $(SANITIZED) && cp -r engine $(SANITIZED)/ && rm -f $(SANITIZED)/engine/_C*.so
	NNPLAY_CXXFLAGS="$(SANITIZE) -fno-sanitize-recover=undefined -fno-sanitize=vptr -O2 -g1" \
	NNPLAY_LDFLAGS="$(SANITIZE)" \
	$(PYTHON) setup.py build_ext --build-lib $(SANITIZED) --build-temp $(SANITIZED)/objects
	LD_PRELOAD="$$(g++ -print-file-name=libasan.so) $$(g++ -print-file-name=libubsan.so)" \
	ASAN_OPTIONS=detect_leaks=0 UBSAN_OPTIONS=print_stacktrace=1 PYTHONPATH=$(SANITIZED) \
	$(PYTHON) -P -m pytest tests/kernels $(PYTEST_OPTIONS) -p no:cacheprovider -k "not inductor" -o timeout=600
