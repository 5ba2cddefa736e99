// The control routes for traffic: faults, Regions that are down, and call counts.
import { parseFault, parseMatch, parseOutage } from './control-body.ts'
import { accept, clear, type ControlRoutes, deleted, parseJson } from './control-route.ts'

export const trafficRoutes: ControlRoutes = [
  ['GET faults', ({ faults }) => ({ status: 200, body: { faults: faults.list() } })],
  [
    'POST faults',
    ({ faults }, { body }) => accept(() => ({ id: faults.addNumbered(parseFault(parseJson(body))) })),
  ],
  [
    'DELETE faults',
    ({ faults }) =>
      clear(() => {
        faults.clear()
      }),
  ],
  ['DELETE faults/*', ({ faults }, { name }) => deleted(faults.remove(Number(name)))],
  [
    'GET calls',
    ({ counts }, { query }) => {
      const match = parseMatch(Object.fromEntries(query))
      return { status: 200, body: { total: counts.total(match), calls: counts.list(match) } }
    },
  ],
  [
    'DELETE calls',
    ({ counts }) =>
      clear(() => {
        counts.reset()
      }),
  ],
  ['GET regions', ({ regions }) => ({ status: 200, body: { down: regions.list() } })],
  [
    'PUT regions/*',
    ({ regions }, { name, body }) =>
      accept(() => {
        regions.takeDown(name, parseOutage(parseJson(body)))
        return { region: name }
      }),
  ],
  ['DELETE regions/*', ({ regions }, { name }) => deleted(regions.bringBack(name))],
]
