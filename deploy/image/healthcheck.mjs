// Asks the replica of this container or machine how it is. Exit code 0: it answers 200. There is no curl in the image.
//
//   node healthcheck.mjs [livez | readyz] [--wait SECONDS]
//
// With --wait it asks again, twice a second, until the answer is 200, the time is over, or the process that systemd names in
// MAINPID has ended. The address is that of the listener for probes, or else that of the API, from the same variables as the
// server's.
import { existsSync } from 'node:fs'
import http from 'node:http'
import https from 'node:https'
import { text as readText } from 'node:stream/consumers'
import { parseArgs } from 'node:util'
import { setTimeout as sleep } from 'node:timers/promises'

const patienceMs = 4_000
const pauseMs = 500

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { wait: { type: 'string', default: '0' } },
})
const [probe = 'livez', ...others] = positionals
const waitMs = Number(values.wait) * 1_000
if (!['livez', 'readyz'].includes(probe) || others.length > 0 || !(waitMs >= 0)) {
  console.error('Usage: healthcheck.mjs [livez | readyz] [--wait SECONDS]')
  process.exit(2)
}

const { KEYHOLD_HEALTH_PORT, KEYHOLD_HEALTH_HOST, KEYHOLD_PORT, KEYHOLD_HOST } = process.env
const { KEYHOLD_TLS_CERTIFICATE_FILE, CREDENTIALS_DIRECTORY } = process.env
const port = KEYHOLD_HEALTH_PORT || KEYHOLD_PORT || '8180'
const named = (KEYHOLD_HEALTH_PORT ? KEYHOLD_HEALTH_HOST : KEYHOLD_HOST) || '127.0.0.1'
// A listener on all addresses is asked on this machine's own.
const host = { '0.0.0.0': '127.0.0.1', '::': '[::1]', '[::]': '[::1]' }[named] ?? named
// The listener for probes is always plain.
const isTls =
  !KEYHOLD_HEALTH_PORT &&
  Boolean(
    KEYHOLD_TLS_CERTIFICATE_FILE ||
    (CREDENTIALS_DIRECTORY && existsSync(`${CREDENTIALS_DIRECTORY}/KEYHOLD_TLS_CERTIFICATE`)),
  )
const url = `http${isTls ? 's' : ''}://${host.includes(':') && !host.startsWith('[') ? `[${host}]` : host}:${port}/${probe}`

/** Answers undefined for 200, and otherwise what was wrong. */
async function ask() {
  try {
    const { status, text } = await get()
    return status === 200 ? undefined : `${url}: ${status} ${text}`
  } catch (error) {
    return `${url}: ${error.message || error.code}`
  }
}

// The certificate names the host that clients use, not this address. Nothing secret is sent.
function get() {
  return new Promise((resolve, reject) => {
    const options = {
      agent: false,
      signal: AbortSignal.timeout(patienceMs),
      rejectUnauthorized: false,
    }
    const request = (isTls ? https : http).get(url, options, (response) => {
      readText(response).then((text) => {
        resolve({ status: response.statusCode, text })
      }, reject)
    })
    request.on('error', reject)
  })
}

function hasEnded(pid) {
  if (pid === undefined) return false
  try {
    process.kill(Number(pid), 0)
    return false
  } catch (error) {
    return error.code === 'ESRCH'
  }
}

const deadline = performance.now() + waitMs
let problem = await ask()
while (problem !== undefined && performance.now() < deadline && !hasEnded(process.env.MAINPID)) {
  await sleep(pauseMs)
  problem = await ask()
}
if (problem !== undefined) {
  console.error(problem)
  process.exitCode = 1
}
