/** What a fleet of servers shares, in Redis or Valkey, over a client of `ioredis` or of `redis` (node-redis). */

export type { IoRedis, NodeRedis } from './client.ts'
export { type RedisStoreOptions, redisStore } from './store.ts'
