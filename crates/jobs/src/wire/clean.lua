-- Frees what apalis-redis keeps of finished tickets, at most ARGV[1] per set and call.
-- KEYS, for each set: finished set, payload hash, metadata prefix
-- Returns how many tickets were freed
local freed = 0
for k = 1, #KEYS, 3 do
    local ids = redis.call('spop', KEYS[k], ARGV[1])
    if #ids > 0 then
        redis.call('hdel', KEYS[k + 1], unpack(ids))
        local metas = {}
        for i, id in ipairs(ids) do metas[i] = KEYS[k + 2] .. ':' .. id end
        redis.call('unlink', unpack(metas))
        freed = freed + #ids
    end
end
return freed
