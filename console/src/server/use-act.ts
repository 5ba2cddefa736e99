// Something that a page does at the server. Afterwards every answer in the cache is asked for again.
import { useMutation, useQueryClient } from '@tanstack/react-query'

export function useAct<Input, Outcome>(act: (input: Input) => Promise<Outcome>) {
  const cache = useQueryClient()
  return useMutation({
    mutationFn: act,
    onSettled: () => cache.invalidateQueries({ predicate: ({ queryKey }) => queryKey[0] !== 'session' }),
  })
}
