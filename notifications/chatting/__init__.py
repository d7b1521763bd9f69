"""What we do about chats: the few answers that are given there, and the files that the platform is asked to forget."""
