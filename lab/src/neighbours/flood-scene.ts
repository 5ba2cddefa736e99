// Everything that the floods and the neighbour need, in a form that goes to another process.

export interface FloodScene {
  url: string
  /** The tenant that floods. */
  tenantId: string
  adminToken: string
  serviceToken: string
  auditorToken: string
  /** A registered key provider of that tenant. */
  fingerprint: string
  /** A migration of that tenant that waits and does not end. */
  migrationId: string
}

export interface NeighbourScene {
  url: string
  adminToken: string
  serviceToken: string
  requestsPerSecond: number
}

/** Another address of this machine than the neighbour's: whoever floods has one of its own. */
export const floodAddress = '127.0.0.2'
