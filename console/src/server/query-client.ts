// One cache of answers for all pages.
import { QueryClient } from '@tanstack/react-query'
import { defaultQueryOptions } from './queries.ts'

export const queryClient = new QueryClient({
  defaultOptions: { queries: defaultQueryOptions, mutations: { retry: false } },
})
