"""Where records come from: files of several formats, folders of pictures, datasets; read one after the other."""
