-- What customers think of each product.
select
    r.product,
    count(*) as reviews,
    cast(cast(sum(r.score) as decimal(18,2)) / cast(count(*) as decimal(10,0)) as decimal(5,2)) as average_score,
    min(r.score) as lowest_score,
    max(r.score) as highest_score,
    count(r.answered_on) as answered
from reviews r
group by r.product
