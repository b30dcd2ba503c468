// Node 18 does not have it there.
globalThis.crypto ??= require("node:crypto").webcrypto;
