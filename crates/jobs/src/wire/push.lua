-- Stores tickets in the layout of apalis-redis 1.0, queues those that are due, keeps the others for later, wakes workers.
-- KEYS: payload hash, active list, metadata prefix, delayed set, channel
-- ARGV: queue, now in µs, then for each ticket: id, payload, due in µs, 'front' or 'back'
local now = tonumber(ARGV[2])
local front, due, later = {}, false, false
for i = 3, #ARGV, 4 do
    local id, at, side = ARGV[i], tonumber(ARGV[i + 2]), ARGV[i + 3]
    redis.call('hset', KEYS[1], id, ARGV[i + 1])
    redis.call('hset', KEYS[3] .. ':' .. id, 'attempts', 0, 'max_attempts', 1, 'status', 'Pending')
    if at > now then
        redis.call('zadd', KEYS[4], at, side .. ':' .. id)
        later = true
    elseif side == 'front' then
        table.insert(front, id)
    else
        redis.call('rpush', KEYS[2], id)
        due = true
    end
end
-- From the last to the first, so that they stand in the order they were given.
for i = #front, 1, -1 do redis.call('lpush', KEYS[2], front[i]) end
if due or #front > 0 then redis.call('publish', KEYS[5], ARGV[1]) end
if later then redis.call('publish', KEYS[5], 'later') end
return redis.status_reply('OK')
