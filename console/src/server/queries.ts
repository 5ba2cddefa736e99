// The questions to the server, each with its name in the cache and how soon it is asked again.
import { queryOptions } from '@tanstack/react-query'
import { ask } from './client.ts'
import { mayPass, problemOf } from './problem.ts'

const soonMs = 2_000
const nowAndThenMs = 15_000
const phasesAtEnd = new Set(['done', 'aborted'])

/** For all questions: what may pass is asked again by itself, everything else only when the reader asks. */
export const defaultQueryOptions = {
  staleTime: 5_000,
  retry: (count: number, error: unknown) => count < 2 && mayPass(problemOf(error)),
  retryDelay: 1_000,
  refetchInterval: ({ state }: { state: { error: unknown } }) =>
    state.error !== null && mayPass(problemOf(state.error)) ? soonMs : false,
} as const

export const sessionQuery = queryOptions({
  queryKey: ['session'],
  queryFn: ({ signal }) => ask('getSession', { signal }),
  staleTime: 60_000,
  retry: (count, error) => problemOf(error).kind !== 'signed-out' && count < 2,
})

export const keyProvidersQuery = queryOptions({
  queryKey: ['key-providers'],
  queryFn: ({ signal }) => ask('listAllKeyProviders', { signal }),
  refetchInterval: nowAndThenMs,
})

export const keyHealthQuery = (fingerprint: string) =>
  queryOptions({
    queryKey: ['key-health', fingerprint],
    queryFn: ({ signal }) => ask('getKeyProviderHealth', { params: { arnFingerPrint: fingerprint }, signal }),
    refetchInterval: nowAndThenMs,
  })

export const keyUsageQuery = (fingerprint: string) =>
  queryOptions({
    queryKey: ['key-usage', fingerprint],
    queryFn: ({ signal }) => ask('getKeyProviderUsage', { params: { arnFingerPrint: fingerprint }, signal }),
  })

/** The protection of the tenant, whether it is well, and who has to act: as of one moment. */
export const overviewQuery = queryOptions({
  queryKey: ['overview'],
  queryFn: ({ signal }) => ask('getOverview', { signal }),
  refetchInterval: ({ state: { data, error } }) => {
    if (error !== null && !mayPass(problemOf(error))) return false
    return data?.keyJob === undefined ? nowAndThenMs / 3 : soonMs
  },
})

export const lockQuery = queryOptions({
  queryKey: ['lock'],
  queryFn: ({ signal }) => ask('getTenantLock', { signal }),
  refetchInterval: nowAndThenMs,
})

export const migrationsQuery = queryOptions({
  queryKey: ['migrations'],
  queryFn: ({ signal }) => ask('listMigrations', { query: { limit: '20' }, signal }),
  refetchInterval: ({ state }) =>
    state.data?.migrations.some(({ phase }) => !phasesAtEnd.has(phase)) === true ? soonMs : nowAndThenMs,
})

export const migrationQuery = (migrationId: string) =>
  queryOptions({
    queryKey: ['migrations', migrationId],
    queryFn: ({ signal }) => ask('getMigration', { params: { migrationId }, signal }),
    refetchInterval: ({ state }) =>
      state.data !== undefined && phasesAtEnd.has(state.data.phase) ? false : soonMs / 2,
  })
