// What has to happen at once happens in Redis. Keys are in KEYS, so that clusters know where; all have the fleet's hash tag.

/**
 * KEYS: since when claims are remembered, the claim. ARGV: milliseconds.
 *
 * The first entry tells what Redis remembers: it names the run of the server, how many keys it has evicted, and since when
 * both are so. A server that was restarted, that a replica has taken over from, that was emptied, or that has thrown keys
 * away, may have forgotten claims: until all of those would be over, nothing is granted. Server time alone counts.
 */
export const CLAIM = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local run = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
local evicted = string.match(redis.call('INFO', 'stats'), 'evicted_keys:(%d+)')
local memory = run .. ':' .. evicted .. ':'
local since = redis.pcall('GET', KEYS[1])
local begun = type(since) == 'string' and string.sub(since, 1, #memory) == memory and tonumber(string.sub(since, #memory + 1))
if not begun or begun > now then
  redis.call('SET', KEYS[1], memory .. string.format('%.0f', now))
  return 0
end
if now - begun < tonumber(ARGV[1]) then return 0 end
if redis.call('SET', KEYS[2], '1', 'NX', 'PX', ARGV[1]) then return 1 end
return 0`

/** KEYS: lock, the last fencing number. ARGV: milliseconds. Gives the number, or nil: somebody has the lock. */
export const LOCK = `
local left = redis.call('PTTL', KEYS[1])
if left > 0 and left <= tonumber(ARGV[1]) then return false end
local fence = redis.pcall('INCR', KEYS[2])
if type(fence) ~= 'number' then
  redis.call('SET', KEYS[2], '1')
  fence = 1
end
redis.call('SET', KEYS[1], fence, 'PX', ARGV[1])
return fence`

/** KEYS: value, lock. ARGV: how the value that is replaced begins, the new one, the fencing number. */
export const SWAP = `
if redis.pcall('GET', KEYS[2]) ~= ARGV[3] then return 0 end
local value = redis.pcall('GET', KEYS[1])
local head = type(value) == 'string' and string.sub(value, 1, 8) or ''
if head ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2])
redis.call('DEL', KEYS[2])
return 1`
