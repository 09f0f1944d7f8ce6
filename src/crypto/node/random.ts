import { randomFillSync } from 'node:crypto'
import { pooled } from '../pool.ts'

export const random = pooled(randomFillSync)
