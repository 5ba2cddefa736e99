// Tellings: each thing once, of each group only some, and all of them together in bounded memory.
import { expect, test } from 'vitest'
import { createTellings } from '../../src/event-loop/tellings.ts'

test('each thing is told of once in a period, counted from when it was told', () => {
  let nowMs = 0
  const tellings = createTellings({ periodMs: 100, mostOfGroup: 10, clock: () => nowMs })
  expect(tellings.ask('g', 'a')).toBe('yes')
  nowMs = 99
  expect(tellings.ask('g', 'a')).toBe('no')
  expect(tellings.ask('g', 'b')).toBe('yes')
  nowMs = 100
  expect(tellings.ask('g', 'a')).toBe('yes')
  expect(tellings.ask('g', 'b')).toBe('no')
})

test('a group has so many in any period, and takes none from another', () => {
  let nowMs = 0
  const tellings = createTellings({ periodMs: 100, mostOfGroup: 2, clock: () => nowMs })
  expect(['a', 'b', 'c'].map((name) => tellings.ask('g', name))).toEqual(['yes', 'last', 'no'])
  expect(tellings.ask('other', 'd')).toBe('yes')
  nowMs = 100
  expect(['c', 'a', 'b'].map((name) => tellings.ask('g', name))).toEqual(['yes', 'last', 'no'])
})

test('no more are remembered than told, and what is forgotten may be told again', () => {
  const tellings = createTellings({ periodMs: 100, mostOfGroup: 2, most: 3, clock: () => 0 })
  expect(['a', 'b'].map((name) => tellings.ask('g', name))).toEqual(['yes', 'last'])
  expect(['c', 'd'].map((name) => tellings.ask('h', name))).toEqual(['yes', 'no'])
  tellings.forget('a')
  tellings.forget('never told')
  expect(['d', 'a'].map((name) => tellings.ask('h', name))).toEqual(['last', 'no'])
  tellings.forget('d')
  expect(tellings.ask('g', 'a')).toBe('last')
})
