-- Moves tickets that are due from the delayed set to the active list, at most ARGV[2] per call.
-- KEYS, for each queue: delayed set, active list
-- ARGV: now in µs, the bound
-- Returns, for each queue: how many were moved, and when the next one is due ('' when there is none)
local answer = {}
for k = 1, #KEYS, 2 do
    local members = redis.call('zrangebyscore', KEYS[k], '-inf', ARGV[1], 'LIMIT', 0, ARGV[2])
    local front = {}
    for _, member in ipairs(members) do
        local id = string.sub(member, string.find(member, ':', 1, true) + 1)
        if string.sub(member, 1, 1) == 'f' then
            table.insert(front, id)
        else
            redis.call('rpush', KEYS[k + 1], id)
        end
    end
    for i = #front, 1, -1 do redis.call('lpush', KEYS[k + 1], front[i]) end
    if #members > 0 then redis.call('zrem', KEYS[k], unpack(members)) end
    local first = redis.call('zrange', KEYS[k], 0, 0, 'WITHSCORES')
    table.insert(answer, #members)
    table.insert(answer, first[2] or '')
end
return answer
