// A library in the bundle tries whether it may make functions of text. The policy forbids it, and it need not try.
window.__zod_globalConfig = { jitless: true }
