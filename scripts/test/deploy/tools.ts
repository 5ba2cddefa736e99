// The programs that look at `deploy/`. A machine that lacks one is told so by name, and the tests that need it are skipped.
import { execFile, execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, statSync } from 'node:fs'
import { homedir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'

export const root = path.join(import.meta.dirname, '../../..')
export const run = promisify(execFile)

const installTimeoutMs = 900_000

/** A program of PATH, or the one that a variable such as PROMTOOL names. @param from - what installs it */
export function findProgram(name: string, from: string): string | undefined {
  const named = process.env[name.toUpperCase().replaceAll('-', '_')] ?? name
  if (isThere(named)) return named
  console.warn(`not run: ${name} is not installed (${from})`)
  return undefined
}

function isThere(program: string): boolean {
  try {
    // Debian's shell finds every path.
    if (program.includes('/')) return statSync(program).isFile()
    execFileSync('sh', ['-c', 'command -v -- "$0"', program], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

/** A program that is a module of Go. Unless PATH has it, it is built once and kept in the cache of the user. */
export function findGoProgram(name: string, module: string, version: string): string | undefined {
  if (isThere(name)) return name
  const cache = process.env.XDG_CACHE_HOME ?? path.join(homedir(), '.cache')
  const folder = path.join(cache, 'keyhold-tools', `${name}-${version}`)
  const program = path.join(folder, path.basename(module))
  if (existsSync(program)) return program
  if (!isThere('go')) {
    console.warn(`not run: ${name} is not installed, nor is go, which could build it`)
    return undefined
  }
  mkdirSync(folder, { recursive: true })
  const env = { ...process.env, GOBIN: folder, GOFLAGS: '-buildvcs=false' }
  try {
    execFileSync('go', ['install', `${module}@${version}`], {
      env,
      stdio: 'pipe',
      timeout: installTimeoutMs,
    })
    return program
  } catch (error) {
    console.warn(`not run: ${name} ${version} cannot be built by go: ${String(error)}`)
    return undefined
  }
}

/** Runs a program that may fail. */
export async function tryRun(
  program: string,
  args: readonly string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv } = {},
): Promise<{ code: number; stdout: string; stderr: string }> {
  try {
    return { code: 0, ...(await run(program, args, { maxBuffer: 64 * 1024 * 1024, ...options })) }
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string }
    return { code, stdout, stderr }
  }
}
