"""llama.cpp's server, through the package xllamacpp, with those arguments of its program that hemm gives."""

from __future__ import annotations

import sys
import time

import xllamacpp

given = dict(zip(sys.argv[1::2], sys.argv[2::2], strict=True))
params = xllamacpp.CommonParams()
params.model.path = given["--model"]
params.model_alias = {given["--alias"]}
params.hostnames = [given["--host"]]
params.port = int(given["--port"])
params.n_ctx = int(given.get("--ctx-size", 2048))
params.cpuparams.n_threads = 1
params.warmup = False
if "--mmproj" in given:
    params.mmproj.path = given["--mmproj"]
server = xllamacpp.Server(params)
print(f"listening at {server.listening_address}", flush=True)
while True:
    time.sleep(60)
