-- The root key is wrapped anew when the key encryption key is rotated.

create policy root_key_rewrap on root_key for update to :app_role
  using ((select memoric.is_system())) with check ((select memoric.is_system()));
grant update (kek_id, wrapped) on root_key to :app_role;
