"""The steps of a ledger in Redis, each one script, so that nothing comes between a question and its answer.

`KEYS[1]` is the call's hash, `KEYS[2]` its lease: a key that expires unless its process renews it. Every step is told
the claim's token and may arrive twice. Bodies stand apart, by token; `bodies` orders them by expiry, with their sizes
in `bytes`. Keys are made in here, so all of them must live on one server: this is not for Redis Cluster.
"""

__all__ = ("CLAIM", "KEEP", "MARK_SENT", "RENEW", "SETTLE")

CLAIM = """
local fingerprint, token, lease_ms, keep_ms, retry_unknown, bodies = unpack(ARGV)
local function take(doubtful)
  redis.call('DEL', KEYS[1])
  redis.call('HSET', KEYS[1], 'fingerprint', fingerprint, 'token', token, 'state', 'claimed', 'doubtful', doubtful)
  redis.call('PEXPIRE', KEYS[1], keep_ms)
  redis.call('SET', KEYS[2], token, 'PX', lease_ms)
  return {'taken'}
end
local known, holder, state, doubtful, head = unpack(
  redis.call('HMGET', KEYS[1], 'fingerprint', 'token', 'state', 'doubtful', 'head'))
if not state then return take('0') end
if holder == token and state == 'claimed' then return {'taken'} end
local held = redis.call('EXISTS', KEYS[2]) == 1
if state == 'claimed' and not held and doubtful == '0' then return take('0') end
if known ~= fingerprint then return {'conflict'} end
if state == 'claimed' or state == 'sent' then
  if held then return {'held'} end
  state = 'unknown'
end
if state == 'answered' then
  local body = redis.call('GET', bodies .. holder)
  if body then return {'answered', head, body} end
  state = 'dropped'
end
if retry_unknown == '1' then return take('1') end
return {state}
"""

MARK_SENT = """
local token, lease_ms, keep_ms = unpack(ARGV)
if redis.call('HGET', KEYS[1], 'token') ~= token then return 0 end
redis.call('HSET', KEYS[1], 'state', 'sent')
redis.call('PEXPIRE', KEYS[1], keep_ms)
redis.call('SET', KEYS[2], token, 'PX', lease_ms)
return 1
"""

KEEP = """
local token, keep_ms, head, bodies, slot, max_bytes, keep_body, body = unpack(ARGV)
if redis.call('HGET', KEYS[1], 'token') ~= token then return 0 end
if redis.call('HGET', KEYS[1], 'state') == 'answered' then return 1 end
local order, total = KEYS[3], KEYS[4]
local now = redis.call('TIME')
local now_ms = now[1] * 1000 + math.floor(now[2] / 1000)
local function drop(member)
  local its_token, size = string.match(member, '^(%x+) (%d+)$')
  redis.call('ZREM', order, member)
  redis.call('DECRBY', total, size)
  redis.call('DEL', bodies .. its_token)
end
redis.call('HSET', KEYS[1], 'state', 'answered', 'head', head)
redis.call('PEXPIRE', KEYS[1], keep_ms)
redis.call('DEL', KEYS[2])
for _, member in ipairs(redis.call('ZRANGEBYSCORE', order, '-inf', now_ms)) do drop(member) end
if keep_body == '1' then
  redis.call('SET', bodies .. token, body, 'PX', keep_ms)
  redis.call('ZADD', order, now_ms + keep_ms, token .. ' ' .. #body)
  local bytes = redis.call('INCRBY', total, #body)
  while bytes > tonumber(max_bytes) do
    drop(redis.call('ZRANGE', order, 0, 0)[1])
    bytes = tonumber(redis.call('GET', total))
  end
end
return 1
"""

SETTLE = """
local token, unpaid, keep_ms = unpack(ARGV)
local holder, doubtful = unpack(redis.call('HMGET', KEYS[1], 'token', 'doubtful'))
if holder ~= token then return 0 end
redis.call('DEL', KEYS[2])
if unpaid == '1' and doubtful == '0' then
  redis.call('DEL', KEYS[1])
else
  redis.call('HSET', KEYS[1], 'state', 'unknown')
  redis.call('PEXPIRE', KEYS[1], keep_ms)
end
return 1
"""

RENEW = """
local token, lease_ms, keep_ms = unpack(ARGV)
if redis.call('HGET', KEYS[1], 'token') ~= token then return 0 end
local state = redis.call('HGET', KEYS[1], 'state')
if state ~= 'claimed' and state ~= 'sent' then return 0 end
redis.call('PEXPIRE', KEYS[1], keep_ms)
redis.call('SET', KEYS[2], token, 'PX', lease_ms)
return 1
"""
