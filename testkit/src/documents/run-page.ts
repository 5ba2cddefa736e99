// Runs the samples of a document, all in one shell, and compares what they print with the replies in the document.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { samplesOf, valueOf, type Sample } from './page-samples.ts'

const root = path.join(import.meta.dirname, '../../..')
const lastErrorLines = 20

export interface PageRun {
  /** How many samples ran. */
  ran: number
  /** By the line of a reply in the document: its form there, and the form of what came. */
  replies: { line: number; expected: unknown; actual: unknown }[]
}

export interface RunPageOptions {
  /** The document, from the root of the repository. */
  page: string
  /** Where it runs. */
  folder: string
  environment: Record<string, string>
}

/** @throws Error if a sample ends with another exit code than 0; it names the sample and what it has said */
export async function runPage({ page, folder, environment }: RunPageOptions): Promise<PageRun> {
  const samples = samplesOf(path.join(root, page))
  const outputs = path.join(folder, 'outputs')
  await mkdir(outputs, { recursive: true })
  // `npx` looks for commands there.
  await symlink(path.join(root, 'node_modules'), path.join(folder, 'node_modules'))
  for (const sample of samples) {
    const name = valueOf(sample, 'file')
    if (name !== undefined) await writeFile(path.join(folder, name), sample.text)
  }
  const running = samples.filter(({ mark }) => mark === 'run')
  const script = running
    .map(({ line, text }) => `echo "# ${page}, line ${line}" >&2\n{\n${text}} > "${outputs}/${line}"\n`)
    .join('')
  const shell = spawn('bash', ['-euo', 'pipefail', '-c', script], {
    cwd: folder,
    env: {
      PATH: `${path.join(root, 'node_modules/.bin')}:${process.env.PATH ?? ''}`,
      HOME: folder,
      ...environment,
    },
    stdio: ['ignore', 'ignore', 'pipe'],
    // Background processes of the page end with it.
    detached: true,
  })
  const exit = once(shell, 'exit') as Promise<[number | null]>
  const [[code], errors] = await Promise.all([exit, textUntil(shell.stderr, exit)])
  endGroup(shell.pid)
  if (code !== 0) {
    throw new Error(`a sample ended with ${code}:\n${errors.split('\n').slice(-lastErrorLines).join('\n')}`)
  }
  return { ran: running.length, replies: await compareReplies(samples, outputs) }
}

/** Background processes of the page may hold the stream for longer than the shell. */
async function textUntil(stream: NodeJS.ReadableStream, end: Promise<unknown>): Promise<string> {
  let read = ''
  stream.on('data', (chunk: Buffer) => {
    read += chunk.toString()
  })
  await end
  return read
}

function endGroup(pid: number | undefined): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGTERM')
  } catch {
    // Nothing of it runs any more.
  }
}

async function compareReplies(samples: readonly Sample[], outputs: string): Promise<PageRun['replies']> {
  const replies: PageRun['replies'] = []
  let last: Sample | undefined
  for (const sample of samples) {
    if (sample.mark === 'run') last = sample
    if (sample.mark !== 'reply') continue
    const printed = await readFile(path.join(outputs, String(last?.line)), 'utf8')
    replies.push({
      line: sample.line,
      expected: formOf(JSON.parse(sample.text)),
      actual: formOf(JSON.parse(printed.slice(printed.indexOf('{')))),
    })
  }
  return replies
}

/** The names of members, and the types of values. Lists have the form of their first element. */
function formOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.slice(0, 1).map(formOf)
  if (typeof value !== 'object' || value === null) return typeof value
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, formOf(each)]))
}
