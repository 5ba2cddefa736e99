// The words of the console in one language. Another one is a second file of the same type.
import { en, type Words } from './en.ts'

export const language = 'en'
export const words: Words = en

const dayAndTime = new Intl.DateTimeFormat(language, { dateStyle: 'medium', timeStyle: 'short' })
const whole = new Intl.NumberFormat(language)

export function timeText(time: string): string {
  const date = new Date(time)
  return Number.isNaN(date.getTime()) ? time : dayAndTime.format(date)
}

export function countText(count: number): string {
  return whole.format(count)
}
