// Debian's nginx as a process of its own, in front of replicas, set up as docs/production.md says.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from './free-port.ts'

export interface Nginx {
  readonly url: string
  /** The lines of its error log. */
  readonly errors: readonly string[]
  stop(): Promise<void>
}

export interface NginxOptions {
  /** For its files; the folder is there already. */
  folder: string
  /** The ports of the replicas on 127.0.0.1. */
  ports: readonly number[]
}

const program = 'nginx'
const startTimeoutMs = 10_000

/** Whether this machine has it. */
export function hasNginx(): boolean {
  return spawnSync(program, ['-v'], { stdio: 'ignore' }).status === 0
}

export async function startNginx({ folder, ports }: NginxOptions): Promise<Nginx> {
  const port = await freePort()
  const file = path.join(folder, 'nginx.conf')
  await mkdir(path.join(folder, 'temporary'), { recursive: true })
  await writeFile(file, configuration(folder, port, ports))
  const child = spawn(program, ['-p', folder, '-c', file], { stdio: ['ignore', 'ignore', 'pipe'] })
  const errors: string[] = []
  child.stderr.setEncoding('utf8').on('data', (text: string) => errors.push(...text.trimEnd().split('\n')))
  const ended = once(child, 'exit')
  const deadlineMs = performance.now() + startTimeoutMs
  while (!(await isOpen(port))) {
    if (child.exitCode !== null || performance.now() > deadlineMs)
      throw new Error(`nginx did not start: ${errors.join('\n')}`)
    await sleep(50)
  }
  return {
    url: `http://127.0.0.1:${port}`,
    errors,
    async stop() {
      child.kill('SIGTERM')
      await ended
    },
  }
}

function configuration(folder: string, port: number, ports: readonly number[]): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (kind) => `  ${kind}_temp_path ${folder}/temporary/${kind};`,
  )
  return `daemon off;
master_process off;
pid ${folder}/nginx.pid;
error_log stderr warn;
events { worker_connections 1024; }
http {
  access_log off;
${temporary.join('\n')}
  upstream keyhold {
${ports.map((each) => `    server 127.0.0.1:${each} max_fails=0;`).join('\n')}
    # Below the 72 s after which Keyhold ends a silent connection.
    keepalive 32;
    keepalive_timeout 60s;
  }
  server {
    listen 127.0.0.1:${port};
    client_max_body_size 33m;
    location / {
      proxy_pass http://keyhold;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $host;
      proxy_set_header X-Forwarded-For $remote_addr;
    }
  }
}
`
}

function isOpen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => {
      resolve(false)
    })
  })
}
