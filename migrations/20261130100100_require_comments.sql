-- Which decisions of a stage must say why. Stages written before, or by a process that does not know of it, demand
-- none.
alter table approval_stage
    add column comment_required text not null default 'never'
        constraint approval_stage_comment_required check (comment_required in ('never', 'reject', 'always'));
