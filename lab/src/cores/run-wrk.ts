// Sends load with `wrk` (Debian's), which takes little of the machine, and says what it has taken.
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { promisify } from 'node:util'

export interface WrkLoad {
  url: string
  token: string
  body: string
  connections: number
  seconds: number
}

export interface WrkResult {
  requests: number
  /** Answers with another status than 200, and what went wrong with connections. */
  failed: number
  elapsedMs: number
  p50Ms: number
  p99Ms: number
  /** Processor time of `wrk` itself. */
  cpuMs: number
}

interface Summary {
  requests: number
  failed: number
  micros: number
  p50Micros: number
  p99Micros: number
}

const clockTicksPerSecond = 100
const threads = 2

/** @param scriptFile - where its script may be written */
export async function runWrk(load: WrkLoad, scriptFile: string): Promise<WrkResult> {
  await writeFile(scriptFile, scriptOf(load), { mode: 0o600 })
  const beforeMs = cpuOfEndedChildrenMs()
  const { stdout } = await promisify(execFile)('wrk', [
    ...[`-t${Math.min(threads, load.connections)}`, `-c${load.connections}`, `-d${load.seconds}s`],
    ...['--timeout', '10s', '-s', scriptFile, load.url],
  ]).catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT')
      throw new Error('not run: wrk is not installed (apt-get install wrk)')
    throw error
  })
  const line = stdout.split('\n').find((each) => each.startsWith('{'))
  const { requests, failed, micros, p50Micros, p99Micros } = JSON.parse(line ?? '') as Summary
  return {
    ...{ requests, failed, elapsedMs: micros / 1_000 },
    ...{ p50Ms: p50Micros / 1_000, p99Ms: p99Micros / 1_000 },
    cpuMs: cpuOfEndedChildrenMs() - beforeMs,
  }
}

/** Of children of this process that have ended and were waited for. Nothing else may end meanwhile. */
function cpuOfEndedChildrenMs(): number {
  const fields = readFileSync('/proc/self/stat', 'utf8').split(') ')[1]?.split(' ') ?? []
  // The 16th and 17th of all fields: proc_pid_stat(5).
  return ((Number(fields[13]) + Number(fields[14])) * 1_000) / clockTicksPerSecond
}

function scriptOf({ token, body }: WrkLoad): string {
  return `wrk.method = "POST"
wrk.body = ${JSON.stringify(body)}
wrk.headers["content-type"] = "application/json"
wrk.headers["authorization"] = "Bearer ${token}"
function done(summary, latency, requests)
  local e = summary.errors
  io.write(string.format(
    '{"requests":%d,"failed":%d,"micros":%d,"p50Micros":%d,"p99Micros":%d}\\n',
    summary.requests, e.connect + e.read + e.write + e.status + e.timeout, summary.duration,
    latency:percentile(50), latency:percentile(99)))
end
`
}
