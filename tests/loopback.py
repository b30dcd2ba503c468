"""HTTP from a test to a server on this machine: httpx as it is, without reading all certificate authorities for each call.

That reading takes some 20 ms of a processor, which was a third of what a journey took.
"""

from functools import partial

import httpx

# A wait that ends early costs nothing: the bound is for a machine on which everything takes twenty times as long.
SECONDS = 60

Client = partial(httpx.Client, verify=False, trust_env=False, timeout=SECONDS)
get = partial(httpx.get, verify=False, trust_env=False, timeout=SECONDS)
head = partial(httpx.head, verify=False, trust_env=False, timeout=SECONDS)
post = partial(httpx.post, verify=False, trust_env=False, timeout=SECONDS)
put = partial(httpx.put, verify=False, trust_env=False, timeout=SECONDS)
delete = partial(httpx.delete, verify=False, trust_env=False, timeout=SECONDS)
