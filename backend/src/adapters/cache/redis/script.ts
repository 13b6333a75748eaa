import { createHash } from 'node:crypto';

/**
 * `../rules.ts` and `../memory/buckets.ts` in Lua, in one step for all buckets and by Redis' own clock, so that gateways whose clocks
 * differ agree. KEYS: one a bucket; ARGV: three a bucket: units a minute, amount, 1 when it was used already. Answers the index of the
 * first that refused or -1, ms until it could be allowed, then units left and ms until full of each bucket.
 */
export const takeScript = `
local PARTS = 60000
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local debts, changed, limits = {}, {}, {}

local function debt_of(key, per_minute)
  local kept = redis.call('GET', key)
  if not kept then return 0 end
  local debt, at, was = string.match(kept, '^(%d+) (%d+) (%d+)$')
  if not debt then return 0 end
  debt, at, was = tonumber(debt), tonumber(at), tonumber(was)
  debt = math.max(0, debt - math.max(0, now - at) * was)
  if was ~= per_minute then debt = math.ceil(debt * per_minute / was) end
  return debt
end

local function apply(key, amount)
  if amount == 0 then return end
  debts[key] = math.max(0, debts[key] + amount * PARTS)
  changed[key] = true
end

local refused, retry = -1, 0
local wishes = {}
for i, key in ipairs(KEYS) do
  local per_minute, take, used = tonumber(ARGV[3 * i - 2]), tonumber(ARGV[3 * i - 1]), ARGV[3 * i] == '1'
  if not debts[key] then debts[key] = debt_of(key, per_minute) end
  limits[key] = per_minute
  if take <= 0 or used then
    apply(key, take)
  else
    local over = debts[key] - math.max(0, per_minute - take) * PARTS
    if over > 0 then
      if refused < 0 then refused = i - 1 end
      retry = math.max(retry, math.ceil(over / per_minute))
    elseif refused < 0 then
      apply(key, take)
      wishes[#wishes + 1] = { key, take }
    end
  end
end
if refused >= 0 then
  for _, wish in ipairs(wishes) do apply(wish[1], -wish[2]) end
end

for key in pairs(changed) do
  if debts[key] == 0 then
    redis.call('DEL', key)
  else
    local value = string.format('%.0f %.0f %.0f', debts[key], now, limits[key])
    redis.call('SET', key, value, 'PX', string.format('%.0f', math.ceil(debts[key] / limits[key])))
  end
end

local answer = { refused, retry }
for _, key in ipairs(KEYS) do
  answer[#answer + 1] = math.floor((limits[key] * PARTS - debts[key]) / PARTS)
  answer[#answer + 1] = math.ceil(debts[key] / limits[key])
end
return answer
`;

export const takeDigest = createHash('sha1').update(takeScript).digest('hex');
