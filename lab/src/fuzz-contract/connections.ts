// One connection for each certificate that callers of a scene show, and one without any.
import { Agent } from 'node:https'
import type { Credential } from './issued-callers.ts'

export interface Connections {
  of(shown: Credential | undefined): Agent
  close(): void
}

export function openConnections(): Connections {
  const agents = new Map<string, Agent>()
  return {
    of(shown) {
      const { key = '', certificate: cert = '' } = shown?.certificate ?? {}
      let agent = agents.get(cert)
      if (agent === undefined) {
        agent = new Agent({ keepAlive: true, maxSockets: 1, ...(cert !== '' && { key, cert }) })
        agents.set(cert, agent)
      }
      return agent
    },
    close() {
      for (const agent of agents.values()) agent.destroy()
    },
  }
}
